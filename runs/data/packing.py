"""From encoded rows to what a step holds: truncation, blocks, the order of an epoch, and bins without padding.

The engine trains on exactly this, and the page that shows a run's first batch calls it too. Plain numpy, no torch.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from runs.contract.spec import TaskType
from runs.data.rendering import Encoded

Rows = NDArray[np.int64]

CPU_BIN_TOKENS = 1024  # keeps a bin's activations small and its time to seconds; a longer row gets a bin of its own


def capacity(context_length: int, device: str) -> int:
    """Tokens of a bin at most."""
    return min(context_length, CPU_BIN_TOKENS) if device == "cpu" else context_length


def prepared(rows: Iterable[Encoded], task: TaskType, context_length: int) -> Iterator[Encoded]:
    """What becomes of rows before training: texts are joined and cut into blocks, other rows truncated.

    One for each row, those with nothing left to learn among them; see `teaches`.
    """
    if task is TaskType.CONTINUED_PRETRAIN:
        rows = blocks(rows, context_length)
    for row in rows:
        trained = row.trained[:context_length]
        trained[:1] = [False] * len(trained[:1])  # nothing predicts a row's first token
        yield Encoded(row.ids[:context_length], trained)


def teaches(row: Encoded) -> bool:
    """Whether a prepared row has a token to learn; the others are dropped."""
    return True in row.trained


def blocks(texts: Iterable[Encoded], length: int) -> Iterator[Encoded]:
    """The texts (each ends with EOS) as one stream, cut into blocks of `length` tokens; only the last may be shorter."""
    waiting: list[int] = []
    for ids in chain((text.ids for text in texts), [[]]):
        waiting += ids
        whole = len(waiting) // length * length
        for start in range(0, whole, length):
            yield Encoded(waiting[start : start + length], [True] * length)
        del waiting[:whole]
    if waiting:
        yield Encoded(waiting, [True] * len(waiting))


def order(seed: int, epoch: int, rows: int) -> Rows:
    """The rows of one epoch (counted from 0) in the order in which they are trained on."""
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(rows)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def batch(step: int, rows: int, batch_size: int, seed: int) -> Rows:
    """The rows of step number `step`, counted from 0 over the whole run. An epoch's last batch may be smaller."""
    epoch, place = divmod(step, steps_per_epoch(rows, batch_size))
    return order(seed, epoch, rows)[place * batch_size : (place + 1) * batch_size]


def fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Best-fit decreasing: indices of `lengths` in as few bins of at most `room` tokens as a greedy hand finds.

    The longest row first, each into the fullest bin that still takes it: O(n log n) comparisons. Each bin lists its longest row
    first. A row longer than `room` gets a bin of its own.
    """
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # room left and number of each bin that takes the shortest row, ascending
    shortest = min(lengths, default=0)
    for index in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        place = bisect_left(free, (lengths[index], 0))
        left, number = free.pop(place) if place < len(free) else (room, len(bins))
        if number == len(bins):
            bins.append([])
        bins[number].append(index)
        left -= lengths[index]
        if left >= shortest:
            insort(free, (left, number))
    return bins
