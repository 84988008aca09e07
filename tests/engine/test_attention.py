"""Rows that lie side by side in one stream do not see each other."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from runs.contract.inputs import ModelSource
from runs.engine import attention, models
from runs.engine.batches import pack
from runs.engine.bins import Bin, Group
from runs.engine.examples import Examples
from runs.engine.loss import cross_entropy
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
    """Rows of random tokens, of which half are trained, the last one of each among them."""
    chance = np.random.default_rng(seed)
    trained = chance.random(sum(lengths)) < 0.5
    offsets = np.cumsum([0, *lengths])
    trained[offsets[1:] - 1] = True
    trained[offsets[:-1]] = False
    return Examples(chance.integers(3, 290, sum(lengths)).astype(np.int32), trained, offsets, np.arange(1, len(offsets)))


def in_one_bin(rows: Examples) -> Bin:
    (packed,) = pack(rows, np.arange(len(rows)), 10_000)
    return packed


def load(**changes: object) -> PreTrainedModel:
    folder = tiny_model(**changes)
    return models.load(ModelSource(name="tiny", path=folder, max_context_length=512), folder, torch.device("cpu"))


@torch.no_grad()
def packed_states(model: PreTrainedModel, packed: Bin) -> list[torch.Tensor]:
    """Hidden states of each row of a bin."""
    states = models.hidden_states(model, packed)
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
    model, packed = load(), in_one_bin(examples([10, 5, 5, 7]))
    inputs = model.get_input_embeddings()(packed.ids).detach().requires_grad_()
    model.get_input_embeddings().register_forward_hook(lambda *_: inputs)
    states = models.hidden_states(model, packed)
    states[0, 9:15].square().sum().backward()  # all of the second row
    moved = inputs.grad[0].abs().sum(dim=1) > 0
    lengths = [group.length for group in packed.groups for _ in range(group.count)]
    start = lengths[0]
    assert moved[start : start + lengths[1]].all()
    assert not moved[:start].any()
    assert not moved[start + lengths[1] :].any()


BEGINNING = [7, 8, 9, 10, 11, 12, 13, 14]


def with_beginnings(tails: list[list[int]], *, trained: slice = slice(None)) -> Examples:
    """Rows of BEGINNING and a tail each; of each row the tokens `trained`, but for its first."""
    rows = [BEGINNING + tail for tail in tails]
    marks = [np.zeros(len(row), bool) for row in rows]
    for mark in marks:
        mark[trained] = True
        mark[0] = False
    offsets = np.cumsum([0, *map(len, rows)])
    return Examples(np.concatenate(rows).astype(np.int32), np.concatenate(marks), offsets, np.arange(1, len(offsets)))


TAILS = [[20, 21, 22], [30, 31], [40, 41, 42], [50, 51, 52, 53, 54]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("trained", [slice(None), slice(9, None), slice(8, None)], ids=["all", "tails", "tails' first too"])
def test_a_shared_beginning_changes_neither_loss_nor_gradients(shape: str, trained: slice) -> None:
    rows = with_beginnings([*TAILS, [60, 61, 62]], trained=trained)
    shared = in_one_bin(rows)
    assert shared.groups[0] == Group(1, len(BEGINNING))
    assert shared.ids.shape[1] < len(rows.ids)
    apart = [next(pack(rows, np.array([index]), 10_000)) for index in range(len(rows))]
    together, one_by_one = gradients([shared], **SHAPES[shape]), gradients(apart, **SHAPES[shape])
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, one_by_one[name], atol=1e-5, rtol=1e-4)


def gradients(bins: list[Bin], **changes: object) -> dict[str, torch.Tensor]:
    """Of the summed loss of all bins; the loss itself is among them."""
    model, total = load(**changes), 0.0
    for packed in bins:
        hidden = models.hidden_states(model, packed)
        found = cross_entropy(hidden[0, packed.sources], models.projection(model), packed.targets, 1.0)
        found.backward()
        total += float(found.detach())
    return {"loss": torch.tensor(total)} | {name: param.grad for name, param in model.named_parameters()}


def test_rows_that_share_a_beginning_do_not_see_each_others_ends() -> None:
    model, packed = load(), in_one_bin(with_beginnings(TAILS))
    before = packed_states(model, packed)
    ends = rows_of(packed)
    for changed in range(1, len(ends)):
        ends[changed][-1] += 1
        for index, (old, new) in enumerate(zip(before, packed_states(model, packed), strict=True)):
            assert torch.equal(old, new) == (index != changed)
        ends[changed][-1] -= 1


def test_on_a_cpu_attention_stays_in_float32_beside_bfloat16() -> None:
    model, packed = load(), in_one_bin(examples([30, 12]))
    seen: list[torch.dtype] = []
    real = attention.scaled_dot_product_attention

    def watched(query: torch.Tensor, *others: torch.Tensor, **options: object) -> torch.Tensor:
        seen.append(query.dtype)
        return real(query, *others, **options)

    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        patch.setattr(attention, "scaled_dot_product_attention", watched)
        said = models.hidden_states(model, packed)
    assert set(seen) == {torch.float32}
    torch.testing.assert_close(said.float(), models.hidden_states(model, packed), atol=0.1, rtol=0.1)
