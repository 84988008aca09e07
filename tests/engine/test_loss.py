"""The loss is transformers' own, computed on fewer positions and in pieces."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from runs.engine import loss, models
from runs.engine.batches import pack
from tests.engine.test_attention import examples, load
from tests.tiny import tiny_model

LENGTHS = [30, 12, 12, 55, 3]


def theirs(tied: bool) -> tuple[float, dict[str, torch.Tensor]]:
    """transformers' `labels=` loss over the same rows, padded into one batch, and its gradients."""
    rows = examples(LENGTHS)
    ids = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for number, length in enumerate(LENGTHS):
        part = rows.row(number)
        ids[number, :length] = torch.from_numpy(rows.ids[part])
        mask[number, :length] = 1
        trained = torch.from_numpy(rows.trained[part])
        labels[number, :length][trained] = ids[number, :length][trained]
    model = AutoModelForCausalLM.from_pretrained(tiny_model(tie_word_embeddings=tied), attn_implementation="sdpa")
    found = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    found.backward()
    return float(found.detach()), {name: param.grad for name, param in model.named_parameters()}


def ours(tied: bool, capacity: int) -> tuple[float, dict[str, torch.Tensor]]:
    rows, model = examples(LENGTHS), load(tie_word_embeddings=tied)
    targets = int(rows.trained_lengths.sum())
    total = 0.0
    for packed in pack(rows, torch.arange(len(rows)).numpy(), capacity):
        hidden = models.hidden_states(model, packed)
        found = loss.cross_entropy(hidden[0, packed.sources], models.projection(model), packed.targets, 1 / targets)
        found.backward()
        total += float(found.detach())
    return total, {name: param.grad for name, param in model.named_parameters()}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("capacity", [1_000, 60])
def test_loss_and_gradients_are_those_of_transformers(tied: bool, capacity: int) -> None:
    their_loss, their_gradients = theirs(tied)
    our_loss, our_gradients = ours(tied, capacity)
    assert our_loss == pytest.approx(their_loss, abs=1e-5)
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in our_gradients.items():
        torch.testing.assert_close(
            gradient, their_gradients[name], atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ours(True, 1_000)
    monkeypatch.setattr(loss, "PIECE_BYTES", 4 * 400 * 3)  # three rows of logits or so at a time
    in_pieces = ours(True, 1_000)
    assert in_pieces[0] == pytest.approx(whole[0], abs=1e-6)
    for name, gradient in in_pieces[1].items():
        torch.testing.assert_close(gradient, whole[1][name], atol=1e-6, rtol=1e-4)


def test_a_large_vocabulary_is_never_projected_whole() -> None:
    assert all(part.stop - part.start <= 131 for part in loss.pieces(8_192, 128_256))
    assert sum(len(range(8_192)[part]) for part in loss.pieces(8_192, 128_256)) == 8_192


def test_the_scale_is_an_argument_and_the_weights_gradient_is_there_at_once() -> None:
    hidden, weight = torch.randn(5, 8, requires_grad=True), torch.randn(20, 8, requires_grad=True)
    targets = torch.tensor([1, 2, 3, 19, 0])
    found = loss.cross_entropy(hidden, weight, targets, 0.2)
    ours_weight = weight.grad.clone()
    with pytest.raises(ValueError, match="scale"):
        (3 * found).backward()
    loss.cross_entropy(hidden, weight, targets, 0.2).backward()
    ours_hidden = hidden.grad.clone()
    hidden.grad = weight.grad = None
    torch.nn.functional.cross_entropy(hidden @ weight.T, targets).backward()
    torch.testing.assert_close(ours_hidden, hidden.grad)
    torch.testing.assert_close(ours_weight, weight.grad)


def test_a_frozen_projection_gets_no_gradient() -> None:
    hidden, weight = torch.randn(5, 8, requires_grad=True), torch.randn(20, 8)
    loss.cross_entropy(hidden, weight, torch.tensor([1, 2, 3, 4, 5]), 1.0).backward()
    assert hidden.grad is not None
    assert weight.grad is None


def test_scores_count_the_most_likely_tokens() -> None:
    weight = torch.eye(4)
    hidden = torch.tensor([[9.0, 0, 0, 0], [0, 9.0, 0, 0], [0, 0, 9.0, 0]])
    found = loss.score(hidden, weight, torch.tensor([0, 1, 3]))
    assert (found.correct, found.targets) == (2, 3)
    expected = torch.nn.functional.cross_entropy(hidden, torch.tensor([0, 1, 3]), reduction="sum")
    assert found.loss == pytest.approx(float(expected))


@pytest.mark.parametrize("bf16", [False, True])
def test_right_ones_are_counted_as_a_score_counts_them(bf16: bool) -> None:
    torch.manual_seed(3)
    hidden, weight = torch.randn(2_000, 8), torch.randn(3_000, 8)
    targets = (hidden @ weight.T).argmax(dim=1)
    targets[::2] = torch.randint(3_000, (1_000,))
    right = torch.zeros((), dtype=torch.int64)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        loss.cross_entropy(hidden.requires_grad_(), weight, targets, 1.0, right).backward()
        assert int(right) == loss.score(hidden.detach(), weight, targets).correct
        alike = (hidden.to(torch.bfloat16) @ weight.to(torch.bfloat16).T).sort(dim=1, descending=True).values
    assert bool((alike[:, 0] == alike[:, 1]).any()), "in bfloat16 two are the most likely now and then"
    assert 900 < int(right) < 1_100
