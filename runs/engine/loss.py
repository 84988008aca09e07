"""Cross entropy at trained positions only, in pieces, so that memory never grows with vocabulary times context.

Equal to transformers' `labels=` loss (a test holds it to 1e-5), which projects every position and keeps all logits.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from runs.engine.layers import gathered
from runs.engine.products import product

PIECE_BYTES = 32 << 20  # of float32 logits at a time


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, scale: float, right: Tensor | None = None) -> Tensor:
    """`scale` times the summed negative log likelihood, in nats, of `targets` [P] given `hidden` [P, H] and `weight` [V, H].

    Differentiable in `hidden`; the gradient of `weight` is added to its `grad` here and now. Both are computed along with the
    loss (softmax minus one-hot), so that logits are projected once and thrown away piece by piece. To `right`, if given, is
    added how often the most likely token was the right one.
    """
    arguments = hidden, weight.detach(), targets, scale, gathered(weight), right
    loss: Tensor = _CrossEntropy.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        scale: float,
        weight_sums: Tensor | None,
        right: Tensor | None,
    ) -> Tensor:
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        total = hidden.new_zeros((), dtype=torch.float32)
        low = _as_computed(weight)
        for piece in pieces(len(targets), len(weight)):
            logits = product(hidden[piece].to(low.dtype), low.T).float()
            wanted = targets[piece, None]
            logits.sub_(logits.amax(dim=1, keepdim=True))
            likely = logits.gather(1, wanted)
            if right is not None:
                right += _right(logits, likely, wanted, low.dtype)
            sums = logits.exp_().sum(dim=1, keepdim=True)
            total += (sums.log() - likely).sum()
            error = logits.mul_(scale / sums)
            error.scatter_add_(1, wanted, error.new_full((len(wanted), 1), -scale))
            if gradient is not None:
                gradient[piece] = product(error.to(low.dtype), low)
            if weight_sums is not None:
                weight_sums.addmm_(error.to(weight.dtype).T, hidden[piece].to(weight.dtype))
        ctx.save_for_backward(gradient)
        return total * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, None, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        if float(upstream) != 1.0:
            raise ValueError("This loss is the end of its graph: give it its scale as an argument.")
        return gradient, None, None, None, None, None


def _as_computed(weight: Tensor) -> Tensor:
    """In autocast's dtype where that is on: once, and not for each piece."""
    kind = weight.device.type
    return weight.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else weight


def _right(logits: Tensor, likely: Tensor, wanted: Tensor, dtype: torch.dtype) -> Tensor:
    """How often the wanted token is the most likely one, whose logit is 0. In bfloat16 several are: of these, the first."""
    found = likely >= 0
    return (found if dtype == torch.float32 else found & (logits.argmax(dim=1, keepdim=True) == wanted)).sum()


@dataclass(slots=True)
class Score:
    """Sums over targets: negative log likelihood in nats, and how often the most likely token was right."""

    loss: float = 0.0
    correct: int = 0
    targets: int = 0


@torch.no_grad()
def score(hidden: Tensor, weight: Tensor, targets: Tensor) -> Score:
    """Arguments as in `cross_entropy`."""
    total, correct, low = 0.0, 0, _as_computed(weight)
    for piece in pieces(len(targets), len(weight)):
        logits = product(hidden[piece].to(low.dtype), low.T).float()
        total += float(torch.nn.functional.cross_entropy(logits, targets[piece], reduction="sum"))
        correct += int((logits.argmax(dim=1) == targets[piece]).sum())
    return Score(total, correct, len(targets))


def pieces(rows: int, vocabulary: int) -> list[slice]:
    """Slices of `rows` positions whose logits take at most PIECE_BYTES."""
    size = max(1, PIECE_BYTES // (4 * vocabulary))
    return [slice(start, start + size) for start in range(0, rows, size)]
