"""Rows to tokens that a model can be trained on, kept as flat arrays: 5 bytes a token.

What is truncated and dropped says `runs.data.packing`. Knows nothing of batches.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.contract.events import Fault
from runs.contract.inputs import DataFile
from runs.contract.spec import TaskType
from runs.data.packing import prepared, teaches
from runs.data.rendering import Encoded, Renderer, TemplateError
from runs.data.rows import read_rows
from runs.engine.failure import Failure
from runs.engine.provenance import check_data

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Examples:
    """Tokenized rows one after the other. Row i is `ids[offsets[i]:offsets[i + 1]]`.

    `trained[j]`: token j is a target of the loss. A row's first token never is: nothing predicts it.
    """

    ids: NDArray[np.int32]
    trained: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    numbers: NDArray[np.int64]  # which row of the file each is, counted from 1; of texts that were cut, which block
    truncated: int = 0
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.diff(self.offsets)

    @cached_property
    def trained_lengths(self) -> NDArray[np.int64]:
        """Targets of each row."""
        return np.add.reduceat(self.trained, self.offsets[:-1], dtype=np.int64)

    @cached_property
    def needed(self) -> NDArray[np.int64]:
        """Tokens of each row that the model has to see: those before its last target. At least one."""
        targets = np.flatnonzero(self.trained)
        before = np.searchsorted(targets, self.offsets[1:])
        last = np.concatenate([targets, [0]])[before - 1]
        return np.maximum(last - self.offsets[:-1], 1)

    def head(self, rows: int) -> "Examples":
        """The first rows alone."""
        end = int(self.offsets[: rows + 1][-1])
        return Examples(self.ids[:end], self.trained[:end], self.offsets[: rows + 1], self.numbers[:rows])

    def row(self, index: int) -> slice:
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))


class _Collector:
    """Grows the flat arrays of Examples, and nothing beside them: data may be larger than the model."""

    def __init__(self) -> None:
        self._ids, self._trained = array("i"), bytearray()
        self._ends, self._numbers = array("q", [0]), array("q")
        self._count = 0
        self.truncated = self.dropped = 0

    def add(self, row: Encoded) -> None:
        self._count += 1
        if not teaches(row):
            self.dropped += 1
            return
        self._numbers.append(self._count)
        self._ids.extend(row.ids)
        self._trained.extend(row.trained)
        self._ends.append(len(self._ids))

    def watched(self, rows: Iterable[Encoded], limit: int) -> Iterator[Encoded]:
        """The rows themselves; those of more than `limit` tokens are counted as truncated."""
        for row in rows:
            self.truncated += len(row.ids) > limit
            yield row

    def examples(self) -> Examples:
        return Examples(
            ids=_array(self._ids, np.int32),
            trained=_array(self._trained, np.bool_),
            offsets=_array(self._ends, np.int64),
            numbers=_array(self._numbers, np.int64),
            truncated=self.truncated,
            dropped=self.dropped,
        )


def _array(grown: "array[int] | bytearray", dtype: type[np.generic]) -> NDArray[Any]:
    """The same memory."""
    return np.frombuffer(grown, dtype) if len(grown) else np.empty(0, dtype)


def tokenize(
    data: DataFile, renderer: Renderer, task: TaskType, context_length: int, tick: Tick, most: int | None = None
) -> Examples:
    """The rows of a file, or the first `most`; `tick` is called with the number of rows read so far.

    Raises Failure(DATA) when nothing is left, or when the file is not the one that was checked.
    """
    if most is None:
        check_data(data)
    collector = _Collector()
    encoded: Iterable[Encoded] = _counted(_encode(data, renderer, task, most), tick)
    if task != TaskType.CONTINUED_PRETRAIN:  # texts are joined and cut: none of them is truncated
        encoded = collector.watched(encoded, context_length)
    for row in prepared(encoded, task, context_length):
        collector.add(row)
    examples = collector.examples()
    if len(examples) == 0:
        raise Failure(Fault.DATA, _nothing_left(data, collector, context_length))
    return examples


def _encode(data: DataFile, renderer: Renderer, task: TaskType, most: int | None) -> Iterator[Encoded]:
    try:
        yield from renderer.encode_many(islice(read_rows(data.path), most), task)
    except FileNotFoundError:
        raise Failure(Fault.DATA, f"The file of “{data.name or data.path.name}” is gone. Upload the data set again.") from None
    except TemplateError as error:
        raise Failure(Fault.DATA, str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        message = f"“{data.name or data.path.name}” has a row that is not of this task's form: {error}."
        raise Failure(Fault.DATA, message) from error


def _counted(encoded: Iterable[Encoded], tick: Tick) -> Iterator[Encoded]:
    for number, row in enumerate(encoded, 1):
        yield row
        tick(number)


def _nothing_left(data: DataFile, collector: _Collector, context_length: int) -> str:
    name = data.name or data.path.name
    if collector.dropped == 0:
        return f"“{name}” has no rows."
    if collector.truncated:
        return (
            f"No row of “{name}” has a token to train on: {collector.truncated:,} of {collector.dropped:,} rows are longer "
            f"than the context length of {context_length:,} tokens, so that their answers are cut off. Raise it."
        )
    return f"None of the {collector.dropped:,} rows of “{name}” has a token to train on: the answers are empty."
