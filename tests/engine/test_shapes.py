"""Shapes of real models with tiny random weights: the engine's losses are transformers' own, and they train."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from runs.contract.events import Evaluation, Outcome
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from tests.engine.folders import chats, lines, losses, make_run, train
from tests.tiny import tiny_model

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
SHAPES: dict[str, dict[str, Any]] = {
    "Llama 3.2: rope scaling, grouped queries, tied": {"rope_scaling": LLAMA3, "rope_theta": 500_000.0, "head_dim": 8},
    "Llama 3.1: rope scaling, its own output layer": {
        "rope_scaling": {**LLAMA3, "factor": 8.0}, "rope_theta": 500_000.0, "tie_word_embeddings": False,
    },
    "Mistral: looks back sixteen tokens": {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 16, "tie_word_embeddings": False,
    },
    "SmolLM2: many narrow heads, tied": {"num_attention_heads": 8, "num_key_value_heads": 2, "rope_theta": 100_000.0},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_real_shape_has_transformers_losses_and_trains(tmp_path: Path, shape: str) -> None:
    """Row by row, unpadded, in transformers' own attention; the longest rows are far longer than the window and the scaling."""
    model, rows, held_out = tiny_model(**SHAPES[shape]), chats(12), chats(6, start=50)
    folder = make_run(tmp_path, rows, held_out=held_out, model=model, training_duration="12ba", context_length=512)
    assert train(folder).outcome == Outcome.COMPLETED
    assert losses(folder)[12] < 0.9 * losses(folder)[1]
    scores = [line.loss for line in lines(folder) if isinstance(line, Evaluation)]
    for weights, score in ((model, scores[0]), (folder.model, scores[-1])):
        assert score == pytest.approx(reference(weights, held_out), abs=1e-5)


def reference(weights: Path, rows: list[dict[str, Any]]) -> float:
    """Token-weighted loss by transformers alone."""
    model, renderer = AutoModelForCausalLM.from_pretrained(weights, attn_implementation="eager"), Renderer.load(weights)
    total, targets, longest = 0.0, 0, 0
    for row in rows:
        encoded = renderer.encode(row, TaskType.CHAT_COMPLETION)
        labels = torch.tensor(
            [[token if trained else -100 for token, trained in zip(encoded.ids, encoded.trained, strict=True)]]
        )
        with torch.no_grad():
            loss = model(torch.tensor([encoded.ids]), labels=labels).loss
        total, targets = total + float(loss) * sum(encoded.trained), targets + sum(encoded.trained)
        longest = max(longest, len(encoded.ids))
    assert longest > 64, "longer than Mistral's window and than the length from which Llama's positions are scaled"
    return total / targets
