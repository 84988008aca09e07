"""Rows that lie side by side in one stream do not see each other."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from runs.contract.spec import ModelSource
from runs.engine import models
from runs.engine.batches import Bin, pack
from runs.engine.examples import Examples
from tests.tiny import tiny_model

LENGTHS = [17, 5, 17, 40, 5, 5, 1]
SHAPES = {
    "grouped keys": {},
    "a key for each head": {"num_key_value_heads": 4},
    "one key for all heads": {"num_key_value_heads": 1},
    "untied": {"tie_word_embeddings": False},
    "Llama 3 rope": {
        "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        }
    },
    "Mistral with a window": {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 8},
}  # fmt: skip


def examples(lengths: list[int], seed: int = 0) -> Examples:
    chance = np.random.default_rng(seed)
    trained = chance.random(sum(lengths)) < 0.5
    offsets = np.cumsum([0, *lengths])
    trained[offsets[:-1]] = False
    return Examples(chance.integers(3, 290, sum(lengths)).astype(np.int32), trained, offsets)


def in_one_bin(rows: Examples) -> Bin:
    (packed,) = pack(rows, np.arange(len(rows)), 10_000)
    return packed


def load(**changes: object) -> PreTrainedModel:
    folder = tiny_model(**changes)
    return models.load(ModelSource(name="tiny", path=folder, max_context_length=512), folder, torch.device("cpu"))


@torch.no_grad()
def packed_states(model: PreTrainedModel, packed: Bin) -> list[torch.Tensor]:
    """Hidden states of each row of a bin."""
    states = models.hidden_states(model, input_ids=packed.ids, position_ids=packed.positions, groups=packed.groups)
    return list(states[0].split([group.length for group in packed.groups for _ in range(group.count)]))


def rows_of(packed: Bin) -> list[torch.Tensor]:
    return list(packed.ids[0].split([group.length for group in packed.groups for _ in range(group.count)]))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_row_is_computed_as_if_it_were_alone(shape: str) -> None:
    packed = in_one_bin(examples(LENGTHS))
    plain = AutoModelForCausalLM.from_pretrained(tiny_model(**SHAPES[shape]), attn_implementation="eager")
    for ids, states in zip(rows_of(packed), packed_states(load(**SHAPES[shape]), packed), strict=True):
        alone = plain.base_model(input_ids=ids[None], use_cache=False).last_hidden_state[0]
        torch.testing.assert_close(states, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("changed", range(len(LENGTHS)))
def test_changing_one_row_moves_no_other(changed: int) -> None:
    model, packed = load(), in_one_bin(examples(LENGTHS))
    before = packed_states(model, packed)
    rows_of(packed)[changed].add_(1)  # a view: the bin changes
    for index, (old, new) in enumerate(zip(before, packed_states(model, packed), strict=True)):
        assert torch.equal(old, new) == (index != changed)


def test_gradients_do_not_cross_rows() -> None:
    model, packed = load(), in_one_bin(examples([9, 4, 4, 6]))
    inputs = model.get_input_embeddings()(packed.ids).detach().requires_grad_()
    states = models.hidden_states(model, inputs_embeds=inputs, position_ids=packed.positions, groups=packed.groups)
    states[0, 9:15].square().sum().backward()  # all of the second row
    moved = inputs.grad[0].abs().sum(dim=1) > 0
    lengths = [group.length for group in packed.groups for _ in range(group.count)]
    start = lengths[0]
    assert moved[start : start + lengths[1]].all()
    assert not moved[:start].any()
    assert not moved[start + lengths[1] :].any()
