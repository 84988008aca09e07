"""Rows of a file by number, as the pieces by which they are compared: read again when they are asked for, not held."""

from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson

from runs.contract.spec import TaskType
from runs.data import similarity
from runs.data.similarity import Pieces
from runs.data.wording import said

KEPT = 20_000  # rows whose pieces are kept while pairs are confirmed


class Pool:
    """Rows of a file by number, as pieces without the data's frame."""

    def __init__(self, path: Path, task: TaskType) -> None:
        self._path, self._task = path, task
        self.offsets = array("Q", [0])
        self.frame: Pieces = np.empty(0, np.uint64)
        self.pieces = lru_cache(KEPT)(self._read)

    def note(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))

    def _read(self, row: int) -> Pieces:
        with self._path.open("rb") as file:
            file.seek(self.offsets[row])
            line = file.read(self.offsets[row + 1] - self.offsets[row])
        return similarity.without(similarity.pieces(said(orjson.loads(line), self._task).whole), self.frame)
