"""The rows of a step as they lie in memory: bins without padding. Which rows share a bin says `runs.data.packing`."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from runs.data.packing import Rows, fit
from runs.engine.bins import Bin, Group, group
from runs.engine.examples import Examples
from runs.engine.families import families


def pack(examples: Examples, rows: Rows, capacity: int) -> Iterator[Bin]:
    """The rows of a step as bins of at most `capacity` tokens."""
    lengths = examples.lengths[rows].tolist()
    for members in fit(lengths, capacity):
        yield _bin(examples, [int(rows[member]) for member in members])


def _bin(examples: Examples, rows: Sequence[int]) -> Bin:
    stream = _Stream(examples)
    seen = [examples.ids[examples.row(row)][: examples.needed[row]] for row in rows]
    for family in families(seen):
        stream.add(family.shared, [rows[member] for member in family.members])
    return stream.bin()


class _Stream:
    """A bin in the making."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._length = 0
        self._tokens: list[slice] = []  # of the examples' flat arrays
        self._positions: list[Rows] = []
        self._sources: list[Rows] = []
        self._targets: list[NDArray[np.int32]] = []
        self._groups: list[Group] = []

    def add(self, shared: int, rows: Sequence[int]) -> None:
        """Rows of which the first `shared` tokens are equal."""
        start = self._length
        if shared:
            self._groups.append(Group(1, shared))
            self._place(slice(self._row(rows[0]).start, self._row(rows[0]).start + shared), 0)
        needed = [int(self._examples.needed[row]) for row in rows]
        self._groups += group([tokens - shared for tokens in needed], start if shared else 0, shared)
        for row, tokens in zip(rows, needed, strict=True):
            part = self._row(row)
            self._train(part, start, shared)
            self._place(slice(part.start + shared, part.start + tokens), shared)

    def bin(self) -> Bin:
        ids = np.concatenate([self._examples.ids[part] for part in self._tokens]).astype(np.int64)
        sources = np.concatenate(self._sources)
        return Bin(
            ids=torch.from_numpy(ids)[None],
            positions=torch.from_numpy(np.concatenate(self._positions))[None],
            sources=torch.from_numpy(sources),
            targets=torch.from_numpy(np.concatenate(self._targets).astype(np.int64)),
            read=torch.from_numpy(np.unique(sources)),
            groups=tuple(self._groups),
        )

    def _row(self, row: int) -> slice:
        return self._examples.row(row)

    def _place(self, part: slice, position: int) -> None:
        length = part.stop - part.start
        self._tokens.append(part)
        self._positions.append(np.arange(position, position + length))
        self._length += length

    def _train(self, part: slice, start: int, shared: int) -> None:
        """Targets of a row whose own tokens are going to be placed next. Their sources may lie in the shared beginning."""
        targets = np.flatnonzero(self._examples.trained[part])  # never a row's first token: the place before is of the same row
        sources = targets - 1
        self._sources.append(np.where(sources < shared, start + sources, self._length + sources - shared))
        self._targets.append(self._examples.ids[part][targets])
