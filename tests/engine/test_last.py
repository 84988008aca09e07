"""The last layer computes only what is read, and neither loss nor gradients nor evaluations can tell."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from runs.engine import adapters, attention, models
from runs.engine.bins import Bin
from runs.engine.last import LastLayer
from runs.engine.loss import cross_entropy
from tests.engine.test_attention import SHAPES, examples, in_one_bin, load, with_beginnings

OTHERS = ["qwen3", "gemma", "phi3", "olmo2"]  # norms of queries, wider heads, queries with keys and values in one, norms after


def other(kind: str) -> PreTrainedModel:
    """A small model of another architecture, with weights by chance."""
    attention.register()
    torch.manual_seed(3)
    config = AutoConfig.for_model(
        kind, vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention.NAME)


def chats() -> Bin:
    """Rows of which a quarter is trained."""
    rows = examples([40, 40, 25, 60])
    rows.trained[:] &= np.random.default_rng(1).random(len(rows.trained)) < 0.4
    return in_one_bin(rows)


def gradients(model: PreTrainedModel, packed: Bin, *, narrow: bool) -> dict[str, torch.Tensor]:
    last = LastLayer(model)
    model.zero_grad()
    with last.reading(packed) if narrow else nullcontext():
        hidden = models.hidden_states(model, packed)
        found = cross_entropy(hidden[0, packed.sources], models.projection(model), packed.targets, 1.0)
        found.backward()
    return {"loss": found.detach()} | {name: param.grad for name, param in model.named_parameters() if param.grad is not None}


def assert_same(model: PreTrainedModel, packed: Bin) -> None:
    whole, narrow = gradients(model, packed, narrow=False), gradients(model, packed, narrow=True)
    assert whole.keys() == narrow.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(narrow[name], gradient, atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("shape", SHAPES)
def test_loss_and_gradients_are_the_same(shape: str) -> None:
    assert_same(load(**SHAPES[shape]), chats())


@pytest.mark.parametrize("kind", OTHERS)
def test_also_in_other_architectures(kind: str) -> None:
    assert_same(other(kind), chats())


def test_also_when_the_layer_is_computed_again_on_the_way_back() -> None:
    model = load()
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.train()
    assert_same(model, chats())


def test_also_where_rows_share_a_beginning_and_its_last_place() -> None:
    packed = in_one_bin(with_beginnings([[20, 21, 22], [30, 31], [40, 41, 42], [50, 51]], trained=slice(8, None)))
    assert len(packed.read) < len(packed.sources)
    assert_same(load(), packed)


def test_also_beside_adapters() -> None:
    model = load()
    adapters.add(model, {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": {"q_proj", "o_proj", "up_proj"}})
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter)
    assert_same(model, chats())


def test_its_mlp_sees_only_what_is_read_and_other_layers_everything() -> None:
    model, packed, seen = load(), chats(), []
    last = LastLayer(model)
    for layer in model.model.layers:
        layer.mlp.up_proj.register_forward_hook(lambda _part, inputs, _output: seen.append(inputs[0].shape[1]))
    with last.reading(packed):
        models.hidden_states(model, packed)
    tokens = packed.ids.numel()
    assert seen == [*[tokens] * (len(model.model.layers) - 1), len(packed.read)]
    seen.clear()
    models.hidden_states(model, packed)
    assert seen == [tokens] * len(model.model.layers)
