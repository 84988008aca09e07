"""Remarks on the course of a run: said when they are true, and not again and again."""

from datetime import UTC, datetime

import numpy as np
import pytest

from runs.contract.events import Notice, Remark
from runs.engine.watching import PLATEAU_STEPS, QUIET, Watch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def said(losses: list[float], total: int | None = None) -> list[Notice]:
    watch = Watch(total or len(losses))
    return [notice for step, loss in enumerate(losses, 1) if (notice := watch.step(step, loss, NOON))]


def falling(count: int, scatter: float = 0.0, seed: int = 0) -> list[float]:
    chance = np.random.default_rng(seed)
    return [3 * 0.985**step + 0.5 + scatter * float(chance.normal()) for step in range(count)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("scatter", [0, 0.02, 0.1])
def test_a_run_that_learns_gets_no_remark_while_it_learns(scatter: float, seed: int) -> None:
    assert said(falling(150, scatter, seed), total=150) == []


def test_a_spike_is_named_with_its_batch_and_what_to_do() -> None:
    losses = falling(60, 0.05)
    losses[45] = 4.0
    (notice,) = said(losses)
    assert (notice.remark, notice.step) == (Remark.SPIKE, 46)
    assert "jumped to 4 at batch 46" in notice.message
    assert "learning rate" in notice.advice


def test_spikes_one_after_the_other_are_said_once_and_a_later_one_again() -> None:
    losses = falling(140, 0.05)
    for step in (45, 46, 47, 49, 45 + QUIET + 10):
        losses[step] = 4.0
    assert [notice.step for notice in said(losses) if notice.remark == Remark.SPIKE] == [46, 46 + QUIET + 10]


def test_a_loss_that_stays_where_it_is_is_said_once() -> None:
    chance = np.random.default_rng(1)
    (notice,) = said([2.0 + 0.01 * float(chance.normal()) for _ in range(4 * PLATEAU_STEPS)])
    assert (notice.remark, notice.step) == (Remark.PLATEAU, PLATEAU_STEPS)
    assert "about 2 for 60 batches" in notice.message


def test_what_is_learned_stands_still_and_is_no_plateau() -> None:
    assert said([0.001] * 300) == []


def test_an_evaluation_loss_that_rises_twice_is_said_once() -> None:
    watch, found, notices = Watch(100), {}, []
    for step, loss in ((0, 3.0), (10, 2.0), (20, 2.5), (30, 2.2), (40, 2.3), (50, 2.4), (60, 2.5)):
        found[step] = loss
        notices.append(watch.evaluation(step, found, NOON))
    (notice,) = [notice for notice in notices if notice]
    assert (notice.remark, notice.step) == (Remark.OVERFITTING, 50)
    assert "lowest after batch 10" in notice.message
