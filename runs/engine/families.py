"""Rows that begin alike, as chat rows do under one system message: what they share need be computed only once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WORTH_SHARING = 0.05  # share of the tokens from which on a common beginning is computed once


@dataclass(frozen=True, slots=True)
class Family:
    """Rows whose first `shared` tokens are equal, by their indices; rows that share nothing are together in one of 0."""

    shared: int
    members: list[int]


def families(rows: Sequence[NDArray[np.int32]]) -> list[Family]:
    """Rows with a beginning that is worth sharing, such as a system message, put together; each lists its longest row first."""
    found: list[Family] = []
    alone: list[int] = []
    for family in _kin(rows):
        family.members.sort(key=lambda index: (-len(rows[index]), index))
        saved = family.shared * (len(family.members) - 1)
        if saved > WORTH_SHARING * sum(len(rows[index]) for index in family.members):
            found.append(family)
        else:
            alone += family.members
    alone.sort(key=lambda index: (-len(rows[index]), index))
    return [*found, Family(0, alone)] if alone else found


def _kin(rows: Sequence[NDArray[np.int32]]) -> Iterator[Family]:
    """Neighbours in the order of a dictionary, taken together as long as that saves more tokens than it costs."""
    ordered = sorted(range(len(rows)), key=lambda index: (rows[index].astype(">u4").tobytes(), index))
    shared, members = 0, ordered[:1]
    for before, index in pairwise(ordered):
        common = _common(rows[before], rows[index])
        joined = common if len(members) == 1 else min(shared, common)
        if joined * len(members) >= shared * (len(members) - 1):
            shared, members = joined, [*members, index]
        else:
            yield Family(shared, members)
            shared, members = 0, [index]
    yield Family(shared, members)


def _common(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """Tokens that both begin with; each keeps at least one of its own."""
    length = min(len(one), len(other)) - 1
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
