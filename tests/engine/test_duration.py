"""Durations and intervals as steps."""

import numpy as np
import pytest

from runs.contract.duration import Duration
from runs.data.packing import batch
from runs.engine.duration import Timetable

LENGTHS = np.array([10, 20, 30, 40, 50, 60, 70])  # 280 tokens an epoch, in 3 steps of up to 3 rows


def timetable(duration: str, interval: str = "1ep") -> Timetable:
    return Timetable(LENGTHS, 3, 17, Duration.parse(duration), Duration.parse(interval))


@pytest.mark.parametrize(
    ("duration", "steps"),
    [("1ep", 3), ("2ep", 6), ("1ba", 1), ("10ba", 10), ("280tok", 3), ("560tok", 6), ("1tok", 1), ("281tok", 4)],
)
def test_total_steps(duration: str, steps: int) -> None:
    assert timetable(duration).total_steps == steps


@pytest.mark.parametrize("asked", range(1, 900, 37))
def test_a_token_budget_ends_with_the_step_that_reaches_it(asked: int) -> None:
    table = timetable(f"{asked}tok")
    assert table.tokens(table.total_steps) >= asked > table.tokens(table.total_steps - 1)


def test_tokens_and_rows_are_those_of_the_batches() -> None:
    table, tokens, rows = timetable("4ep"), 0, 0
    for step in range(12):
        assert (table.tokens(step), table.rows(step)) == (tokens, rows)
        taken = batch(step, 7, 3, 17)
        tokens, rows = tokens + int(LENGTHS[taken].sum()), rows + len(taken)


@pytest.mark.parametrize(
    ("interval", "due"), [("1ep", [3, 6, 9]), ("2ep", [6, 9]), ("2ba", [2, 4, 6, 8, 9]), ("5ba", [5, 9]), ("9999tok", [9])]
)
def test_intervals_end_at_these_steps_and_at_the_last(interval: str, due: list[int]) -> None:
    table = timetable("3ep", interval)
    assert [step for step in range(1, 10) if table.is_due(step)] == due
    assert [table.intervals_from(step) for step in range(1, 10)] == [sum(end >= step for end in due) for step in range(1, 10)]


def test_a_token_interval_is_due_whenever_another_one_is_full() -> None:
    table = timetable("3ep", "100tok")
    due = [step for step in range(1, 10) if table.is_due(step)]
    assert due == [step for step in range(1, 10) if table.tokens(step) // 100 > table.tokens(step - 1) // 100 or step == 9]


def test_epochs_are_fractions_of_the_data() -> None:
    assert timetable("3ep").epoch(3) == 1.0
    assert timetable("3ep").epoch(4) == pytest.approx(4 / 3)
