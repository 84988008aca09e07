"""Rows of a file by number, as the pieces by which they are compared: read again when they are asked for, not held."""

import os
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import orjson

from runs.contract.spec import TaskType
from runs.data import similarity
from runs.data.similarity import Pieces
from runs.data.wording import said

KEPT = 4_000_000  # pieces that are kept while pairs are confirmed, 32 MB, besides as many that were in use before
READ = 1 << 20  # bytes of rows that are read and cut into pieces together


class Pool:
    """Rows of a file by number, as pieces without the data's frame."""

    def __init__(self, path: Path, task: TaskType) -> None:
        self._path, self._task = path, task
        self.offsets = array("Q", [0])
        self.frame: Pieces = np.empty(0, np.uint64)
        self._kept: dict[int, Pieces] = {}
        self._before: dict[int, Pieces] = {}
        self._pieces = 0

    def note(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))

    def pieces(self, row: int) -> Pieces:
        if (known := self._kept.get(row)) is None:
            self.prefetch((row,))
            known = self._kept[row]
        return known

    def prefetch(self, rows: Iterable[int]) -> None:
        """Read these rows together, as far as that is a small part of what may be kept; they will be asked for next."""
        if self._pieces > KEPT:
            self._before, self._kept, self._pieces = self._kept, {}, 0
        wanted, size = list[int](), 0
        for row in sorted(set(rows).difference(self._kept)):
            if row in self._before:
                self._keep(row, self._before.pop(row))
            elif not wanted or size < READ:
                size += self.offsets[row + 1] - self.offsets[row]
                wanted.append(row)
        for row, found in zip(wanted, similarity.many(list(map(self._read, wanted)), self.frame), strict=True):
            self._keep(row, found)

    def _keep(self, row: int, pieces: Pieces) -> None:
        self._kept[row] = pieces
        self._pieces += len(pieces)

    @cached_property
    def _file(self) -> BinaryIO:
        return self._path.open("rb")

    def _read(self, row: int) -> str:
        start, end = self.offsets[row], self.offsets[row + 1]
        return said(orjson.loads(os.pread(self._file.fileno(), end - start, start)), self._task).whole[: similarity.LONGEST]
