"""Rows that begin alike are found, and share their beginning where that is worth it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runs.engine.families import WORTH_SHARING, Family, families

SYSTEM, OTHER = [5, 5, 5, 5, 5, 5, 5, 5], [6, 6, 6, 6, 6, 6]


def tokens(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.int32) for row in rows]


def test_rows_with_the_same_system_message_share_it() -> None:
    rows = tokens([*SYSTEM, 1], [*OTHER, 2, 2], [*SYSTEM, 2, 2], [9, 9, 9], [*OTHER, 3])
    assert families(rows) == [Family(8, [2, 0]), Family(6, [1, 4]), Family(0, [3])]


def test_equal_rows_keep_a_token_each() -> None:
    assert families(tokens(SYSTEM, SYSTEM)) == [Family(7, [0, 1])]


def test_a_beginning_that_is_short_beside_the_rows_is_not_shared() -> None:
    rows = tokens([1, 2, *range(100, 200)], [1, 2, *range(200, 300)])
    assert families(rows) == [Family(0, [0, 1])]


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=12))
def test_families_hold_every_row_once_and_what_they_share_is_equal(drawn: list[list[int]]) -> None:
    rows = tokens(*drawn)
    found = families(rows)
    assert sorted(index for family in found for index in family.members) == list(range(len(rows)))
    for family in found:
        beginnings = {tuple(drawn[index][: family.shared]) for index in family.members}
        assert family.shared == 0 or len(beginnings) == 1
        assert all(family.shared < len(drawn[index]) for index in family.members) or family.shared == 0
        saved = family.shared * (len(family.members) - 1)
        assert family.shared == 0 or saved > WORTH_SHARING * sum(len(drawn[index]) for index in family.members)
