"""Each row is seen once an epoch, in an order that depends on seed and epoch alone, in bins without padding."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runs.data.packing import batch, fit, order, steps_per_epoch
from runs.engine.batches import pack
from runs.engine.bins import Group, group
from tests.engine.test_attention import examples

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    assert order(17, 3, 100).tolist() == order(17, 3, 100).tolist()
    assert order(17, 3, 100).tolist() != order(17, 4, 100).tolist()
    assert order(17, 3, 100).tolist() != order(18, 3, 100).tolist()


@given(rows=st.integers(1, 200), size=st.integers(1, 50), epoch=st.integers(0, 3))
def test_an_epoch_sees_each_row_once(rows: int, size: int, epoch: int) -> None:
    steps = steps_per_epoch(rows, size)
    seen = [batch(step, rows, size, 17) for step in range(epoch * steps, (epoch + 1) * steps)]
    assert sorted(np.concatenate(seen)) == list(range(rows))
    assert all(len(part) == size for part in seen[:-1])


@given(lengths=LENGTHS, capacity=st.integers(1, 400))
def test_bins_hold_every_row_once_and_not_too_much(lengths: list[int], capacity: int) -> None:
    bins = fit(lengths, capacity)
    assert sorted(index for members in bins for index in members) == list(range(len(lengths)))
    for members in bins:
        assert sum(lengths[index] for index in members) <= capacity or len(members) == 1


@given(lengths=LENGTHS)
def test_two_bins_never_fit_into_one(lengths: list[int]) -> None:
    """Best fit leaves no two bins that could be joined: a row that opened a bin fitted into no earlier one."""
    bins = [sum(lengths[index] for index in members) for members in fit(lengths, 300)]
    assert all(a + b > 300 for at, a in enumerate(bins) for b in bins[:at])


def test_equal_neighbours_are_one_group() -> None:
    assert group([9, 4, 4, 4, 2]) == [Group(1, 9), Group(3, 4), Group(1, 2)]


def test_a_bin_is_the_rows_side_by_side() -> None:
    rows = examples([4, 9, 4])
    (packed,) = pack(rows, np.array([0, 1, 2]), 100)
    assert packed.groups == (Group(1, 8), Group(2, 3))
    assert packed.positions.tolist() == [[*range(8), *range(3), *range(3)]]
    longest_first = [rows.ids[rows.row(index)][:-1] for index in (1, 0, 2)]
    assert packed.ids.tolist() == [np.concatenate(longest_first).tolist()], "each without its last target, which nothing reads"


def test_what_follows_the_last_target_is_left_out() -> None:
    rows = examples([6, 9])
    rows.trained[:] = [0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0]
    (packed,) = pack(rows, np.array([0, 1]), 100)
    assert packed.groups == (Group(1, 6), Group(1, 3))
    assert packed.sources.tolist() == [0, 1, 5, 7, 8]
    assert packed.targets.tolist() == rows.ids[[7, 8, 12, 2, 3]].tolist()


def test_targets_are_the_trained_tokens_and_sources_the_places_before_them() -> None:
    rows = examples([3, 8, 3, 20])
    bins = list(pack(rows, np.arange(4), 22))
    assert len(bins) == 2
    assert sum(len(packed.targets) for packed in bins) == rows.trained.sum()
    for packed in bins:
        assert packed.read.tolist() == sorted(set(packed.sources.tolist()))
        after = packed.sources + 1
        inside = (after < packed.ids.numel()) & (packed.positions[0, after.clamp(max=packed.ids.numel() - 1)] > 0)
        assert (~inside).sum() == sum(group.count for group in packed.groups), "of each row only the last target is left out"
        assert (packed.ids[0, after[inside]] == packed.targets[inside]).all()
