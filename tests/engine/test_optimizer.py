"""Optimizers against their formulas, schedules against what was promised."""

import itertools
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from runs.contract.spec import Hyperparameters
from runs.engine import optimizer


def settings(**changes: Any) -> Hyperparameters:
    return Hyperparameters(**{"learning_rate": 0.1, "warmup_share": 0.1, **changes})


def parameters() -> dict[str, Parameter]:
    chance = torch.Generator().manual_seed(5)
    return {"matrix": Parameter(torch.randn(4, 3, generator=chance)), "norm": Parameter(torch.randn(4, generator=chance))}


def gradients(step: int) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(100 + step)
    return {"matrix": torch.randn(4, 3, generator=chance), "norm": torch.randn(4, generator=chance)}


def take(steps: range, chosen: torch.optim.Optimizer, params: dict[str, Parameter]) -> None:
    for step in steps:
        for name, gradient in gradients(step).items():
            params[name].grad = gradient
        chosen.step()


def test_linear_climbs_then_falls_towards_zero() -> None:
    rates = [optimizer.rate(step, 100, settings()) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[9] == rates[10] == pytest.approx(0.1)
    assert all(a < b for a, b in itertools.pairwise(rates[:10]))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert 0 < rates[-1] == pytest.approx(0.1 / 90)


@pytest.mark.parametrize(("schedule", "middle", "end"), [("linear", 0.05, 0.0), ("cosine", 0.05, 0.0), ("constant", 0.1, 0.1)])
def test_schedules_in_the_middle_and_at_the_end(schedule: str, middle: float, end: float) -> None:
    asked = settings(schedule=schedule, warmup_share=0)
    assert optimizer.rate(1, 10_000, asked) == pytest.approx(0.1, rel=1e-3)
    assert optimizer.rate(5_001, 10_000, asked) == pytest.approx(middle, rel=1e-3)
    assert optimizer.rate(10_000, 10_000, asked) == pytest.approx(end, abs=1e-4)


@pytest.mark.parametrize("total", [1, 2, 3])
def test_no_step_of_a_short_run_is_wasted(total: int) -> None:
    for share in (0.0, 0.02, 0.5):
        assert all(optimizer.rate(step, total, settings(warmup_share=share)) > 0 for step in range(1, total + 1))


def test_lion_follows_its_paper() -> None:
    params, asked = parameters(), settings(optimizer="lion", weight_decay=0.2)
    expected = {name: param.detach().clone() for name, param in params.items()}
    momenta = {name: torch.zeros_like(param) for name, param in expected.items()}
    take(range(5), optimizer.build(params, asked), params)
    for step in range(5):
        for name, gradient in gradients(step).items():
            decay = 0.2 if name == "matrix" else 0.0
            update = (0.9 * momenta[name] + 0.1 * gradient).sign()
            expected[name] -= 0.1 * (update + decay * expected[name])
            momenta[name] = 0.95 * momenta[name] + 0.05 * gradient
    for name, param in params.items():
        torch.testing.assert_close(param.detach(), expected[name])


def test_adamw_follows_its_paper() -> None:
    params, asked = parameters(), settings(weight_decay=0.2)
    expected = {name: param.detach().clone() for name, param in params.items()}
    first = {name: torch.zeros_like(param) for name, param in expected.items()}
    second = {name: torch.zeros_like(param) for name, param in expected.items()}
    take(range(5), optimizer.build(params, asked), params)
    for step in range(5):
        for name, gradient in gradients(step).items():
            expected[name] *= 1 - 0.1 * (0.2 if name == "matrix" else 0.0)
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.95 * second[name] + 0.05 * gradient**2
            corrected = first[name] / (1 - 0.9 ** (step + 1)), second[name] / (1 - 0.95 ** (step + 1))
            expected[name] -= 0.1 * corrected[0] / (corrected[1].sqrt() + 1e-8)
    for name, param in params.items():
        torch.testing.assert_close(param.detach(), expected[name])


@pytest.mark.parametrize("kind", ["adamw", "lion"])
def test_an_optimizer_goes_on_where_it_was(kind: str) -> None:
    asked = settings(optimizer=kind)
    straight = parameters()
    take(range(6), optimizer.build(straight, asked), straight)

    params = parameters()
    first = optimizer.build(params, asked)
    take(range(3), first, params)
    kept = {name: value.clone() for name, value in optimizer.state(first, params).items()}
    second = optimizer.build(params, asked)
    optimizer.restore(second, params, kept)
    take(range(3, 6), second, params)
    assert all(torch.equal(params[name], straight[name]) for name in params)


def test_clipping_scales_to_the_limit_and_leaves_small_gradients_alone() -> None:
    params = parameters()
    for limit in (1.0, 1_000.0):
        for name, gradient in gradients(0).items():
            params[name].grad = gradient.clone()
        before = torch.cat([gradient.flatten() for gradient in gradients(0).values()])
        assert optimizer.clip(params.values(), limit) == pytest.approx(float(before.norm()))
        after = torch.cat([param.grad.flatten() for param in params.values() if param.grad is not None])
        torch.testing.assert_close(after, before * min(1.0, limit / float(before.norm())))
