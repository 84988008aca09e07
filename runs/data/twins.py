"""Rows that are there twice or nearly so, and questions with two answers: found without holding any row's text in memory.

112 bytes a row, for the first million rows. Candidates come from sketches; each is confirmed on the rows themselves.
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runs.contract.spec import TaskType
from runs.data import similarity
from runs.data.pool import Pool
from runs.data.wording import Said, key, plain

Numbers = NDArray[np.int64]
Pairs = list[tuple[int, int]]  # a row and the earlier one that it repeats, both counted from 0

REMEMBERED = 1_000_000  # rows that are compared
CONFIRMED = 512  # pairs whose rows are read together
SAMPLE = 1_000  # rows from which the data's frame is learned


@dataclass(frozen=True)
class Found:
    """`exact`: the same bytes. `near`: alike to a row that stays. `conflicts`: the same question, another answer."""

    compared: int
    exact: Pairs
    near: Pairs
    conflicts: Pairs


class Twins:
    """Give it all rows in order with `add`, then ask `found`."""

    def __init__(self, path: Path, task: TaskType) -> None:
        self.pool = Pool(path, task)
        self._lines, self._questions, self._answers = array("q"), array("q"), array("q")
        self._bands: list[similarity.Bands] = []
        self._worded: list[NDArray[np.bool_]] = []
        self._waiting: list[str] | None = []  # until the frame is known

    def add(self, lines: Sequence[bytes], rows: Sequence[Said]) -> None:
        room = REMEMBERED - len(self._lines)
        lines, rows = lines[:room], rows[:room]
        self.pool.note(lines)
        self._lines.extend(map(key, lines))
        self._questions.extend(key(plain(row.question)) for row in rows)
        self._answers.extend(key(plain(row.answers[-1])) if row.answers else 0 for row in rows)
        texts = [row.whole[: similarity.LONGEST] for row in rows]
        if self._waiting is None:
            self._sketch(texts)
        else:
            self._waiting += texts
            if len(self._waiting) >= SAMPLE:
                self._learn()

    def found(self, confirmed: Callable[[float], None] = lambda _: None) -> Found:
        """`confirmed` hears what share of the candidates has been compared."""
        if self._waiting is not None:
            self._learn()
        rows = len(self._lines)
        first = leaders(np.frombuffer(self._lines, np.int64)) if rows else np.empty(0, np.int64)
        repeated = first != np.arange(rows)
        return Found(rows, _pairs(first), self._near(~repeated, confirmed), self._conflicts())

    def _learn(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        self.pool.frame = similarity.frame([similarity.pieces(text) for text in waiting[:SAMPLE]])
        self._sketch(waiting)

    def _sketch(self, texts: list[str]) -> None:
        worded, bands = similarity.sketches(texts, self.pool.frame)
        self._worded.append(worded)
        self._bands.append(bands)

    def _near(self, single: NDArray[np.bool_], confirmed: Callable[[float], None]) -> Pairs:
        """Confirm each candidate against an earlier row that itself repeats none."""
        rows = len(single)
        if not rows:
            return []
        candidates = np.flatnonzero(single & np.concatenate(self._worded))
        bands = np.concatenate(self._bands)[candidates]
        places = np.arange(len(candidates))
        tries: list[Numbers] = []
        for column in bands.T:
            first = leaders(column)
            alike = first != places
            tries.append(candidates[alike] * rows + candidates[first[alike]])
        found: dict[int, int] = {}
        every = np.unique(np.concatenate(tries)) if tries else np.empty(0, np.int64)
        for start in range(0, len(every), CONFIRMED):
            confirmed(start / len(every))
            pairs = [divmod(both, rows) for both in every[start : start + CONFIRMED].tolist()]
            self.pool.prefetch(row for pair in pairs if pair[0] not in found and pair[1] not in found for row in pair)
            for row, of in pairs:
                if row not in found and of not in found and self._alike(row, of):
                    found[row] = of
        confirmed(1.0)
        return sorted(found.items())

    def _alike(self, row: int, of: int) -> bool:
        one, other = self.pool.pieces(row), self.pool.pieces(of)
        sizes = sorted((len(one), len(other)))
        return sizes[0] >= similarity.THRESHOLD * sizes[1] and similarity.jaccard(one, other) >= similarity.THRESHOLD

    def _conflicts(self) -> Pairs:
        if not self._questions:
            return []
        questions, answers = np.frombuffer(self._questions, np.int64), np.frombuffer(self._answers, np.int64)
        first = leaders(questions)
        differ = (answers[first] != answers) & (questions != key(""))
        return [(row, int(first[row])) for row in np.flatnonzero(differ).tolist()]


def leaders(keys: NDArray[np.int64] | NDArray[np.uint32]) -> Numbers:
    """For each place the first place with the same key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _pairs(first: Numbers) -> Pairs:
    return [(row, int(first[row])) for row in np.flatnonzero(first != np.arange(len(first))).tolist()]
