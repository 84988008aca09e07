"""Linear layers and embeddings as training on a CPU wants them: faster products, and no gradient of a vocabulary for each bin.

Of an embedding a bin has a few hundred rows. PyTorch writes a gradient of all rows and then adds it up, and a tied projection
does so once more: 8% of a step of SmolLM2-135M, and twice 113 MB. Here both are added to the weight's `grad` at once, in place.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Embedding, Linear, Module
from torch.nn.functional import embedding

from runs.engine.products import product


def install(model: Module) -> None:
    """Let plain linear layers and embeddings work this way; what derives from them has its own way, and keeps it."""
    for module in model.modules():
        if type(module) is Linear:
            module.forward = partial(_linear, module)  # type: ignore[method-assign]
        elif type(module) is Embedding and not (module.sparse or module.scale_grad_by_freq or module.max_norm):
            module.forward = partial(_embedding, module)  # type: ignore[method-assign]


def gathered(weight: Tensor) -> Tensor | None:
    """Where gradients of `weight` are added up: its `grad`, zeros at first. None if it is not trained."""
    if weight.requires_grad and weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad if weight.requires_grad else None


def _linear(layer: Linear, states: Tensor) -> Tensor:
    """[..., I] to [..., O]."""
    rows: Tensor = _Linear.apply(states.reshape(-1, layer.in_features), layer.weight)  # type: ignore[no-untyped-call]
    out = rows if layer.bias is None else rows + layer.bias.to(rows.dtype)
    return out.view(*states.shape[:-1], layer.out_features)


def _embedding(layer: Embedding, ids: Tensor) -> Tensor:
    found: Tensor = _Embedding.apply(ids, layer.weight, layer.padding_idx)  # type: ignore[no-untyped-call]
    return found


class _Linear(torch.autograd.Function):
    """x [N, I] times weight [O, I] transposed, in autocast's dtype where that is on."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor) -> Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else states.dtype
        low = states.to(dtype)
        ctx.save_for_backward(low if ctx.needs_input_grad[1] else None, weight)
        ctx.dtype = states.dtype
        return product(low, weight.to(dtype).T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None]:
        states, weight = ctx.saved_tensors  # of a frozen layer no states
        for_states, for_weight = ctx.needs_input_grad
        return (
            product(upstream, weight.to(upstream.dtype)).to(ctx.dtype) if for_states else None,
            product(upstream.T, states).to(weight.dtype) if for_weight else None,
        )


class _Embedding(torch.autograd.Function):
    """Rows of weight [V, H] by ids [...]; the row of padding learns nothing."""

    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor, padding: int | None) -> Tensor:
        ctx.save_for_backward(ids, weight)
        ctx.padding = padding
        return embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[None, None, None]:
        ids, weight = ctx.saved_tensors
        sums = gathered(weight)
        if sums is not None:
            rows = upstream.flatten(0, -2).to(sums.dtype)
            if ctx.padding is not None:
                rows = rows.masked_fill((ids.flatten() == ctx.padding)[:, None], 0)
            sums.index_add_(0, ids.flatten(), rows)
        return None, None, None
