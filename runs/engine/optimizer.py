"""Optimizers, learning rate schedules and gradient clipping. A new optimizer is a class and a line in OPTIMIZERS."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from runs.contract.spec import Hyperparameters

Named = dict[str, Parameter]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms": steps of equal size in the direction of a momentum."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if not params:
                continue
            for param in params:
                if not self.state[param]:
                    self.state[param]["exp_avg"] = torch.zeros_like(param)
            gradients, momenta = [param.grad for param in params], [self.state[param]["exp_avg"] for param in params]
            fast, slow = group["betas"]
            direction = torch._foreach_lerp(momenta, gradients, 1 - fast)
            torch._foreach_sign_(direction)
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(params, direction, alpha=-group["lr"])
            torch._foreach_lerp_(momenta, gradients, 1 - slow)


def _adamw(groups: Any, settings: Hyperparameters) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=settings.learning_rate or 0.0, betas=(0.9, 0.95), eps=1e-8, fused=True)


def _lion(groups: Any, settings: Hyperparameters) -> torch.optim.Optimizer:
    betas = (0.9, 0.95)  # the original service's
    return Lion(groups, lr=settings.learning_rate or 0.0, betas=betas, weight_decay=settings.weight_decay)


OPTIMIZERS: dict[str, Callable[[Any, Hyperparameters], torch.optim.Optimizer]] = {"adamw": _adamw, "lion": _lion}


def build(parameters: Named, settings: Hyperparameters) -> torch.optim.Optimizer:
    """The optimizer of a run. Weight decay pulls on matrices only: norms and biases have no business near zero."""
    matrices = [param for param in parameters.values() if param.ndim >= 2]
    others = [param for param in parameters.values() if param.ndim < 2]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return OPTIMIZERS[settings.optimizer]([group for group in groups if group["params"]], settings)


def state(optimizer: torch.optim.Optimizer, parameters: Named) -> dict[str, Tensor]:
    """The optimizer's memory as flat tensors named `<kind>/<parameter>`."""
    return {f"{kind}/{name}": value for name, param in parameters.items() for kind, value in optimizer.state[param].items()}


def restore(optimizer: torch.optim.Optimizer, parameters: Named, tensors: dict[str, Tensor]) -> None:
    """Take back what `state` gave."""
    for key, value in tensors.items():
        kind, _, name = key.partition("/")
        param = parameters[name]
        optimizer.state[param][kind] = value.to(param.device)  # the count of steps too: fused kernels read it there


def rate(step: int, total: int, settings: Hyperparameters) -> float:
    """Learning rate of step 1 <= `step` <= `total`: a linear climb to the peak, then down.

    Zero would come right after the last step, so that none is wasted.
    """
    peak, warm = settings.learning_rate or 0.0, round(settings.warmup_share * total)
    if step <= warm:
        return peak * step / warm
    left = (total - step + 1) / (total - warm)
    match settings.schedule:
        case "linear":
            return peak * left
        case "cosine":
            return peak * (1 - math.cos(math.pi * left)) / 2
    return peak


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value


def clip(parameters: Iterable[Parameter], limit: float) -> float:
    """Scale all gradients so that their joint norm is at most `limit`; the norm before that is returned."""
    gradients = [param.grad for param in parameters if param.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients, foreach=True))
    if math.isfinite(norm) and norm > limit:
        torch._foreach_mul_(gradients, limit / norm)
    return norm
