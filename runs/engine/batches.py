"""Which rows make a step, and how they lie in memory: a stable order per epoch, and bins without padding.

The order of an epoch is a function of (seed, epoch), so that a resumed run meets the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from runs.engine.examples import Examples

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """`count` neighbouring rows of `length` tokens each: attention takes them in one call."""

    count: int
    length: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows side by side in one stream of T tokens.

    `ids` and `positions` are [1, T]; positions restart with each row. `sources` [P] are the places whose next token is trained,
    `targets` [P] those tokens. `groups` describe the rows from left to right.
    """

    ids: Tensor
    positions: Tensor
    sources: Tensor
    targets: Tensor
    groups: tuple[Group, ...]

    def to(self, device: torch.device) -> "Bin":
        ids, positions, sources, targets = (
            part.to(device, non_blocking=True) for part in (self.ids, self.positions, self.sources, self.targets)
        )
        return Bin(ids, positions, sources, targets, self.groups)


def order(seed: int, epoch: int, rows: int) -> Rows:
    """The rows of one epoch (counted from 0) in the order in which they are trained on."""
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(rows)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def batch(step: int, rows: int, batch_size: int, seed: int) -> Rows:
    """The rows of step number `step`, counted from 0 over the whole run. An epoch's last batch may be smaller."""
    epoch, place = divmod(step, steps_per_epoch(rows, batch_size))
    return order(seed, epoch, rows)[place * batch_size : (place + 1) * batch_size]


def fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """First-fit decreasing: indices of `lengths` in as few bins of at most `capacity` tokens as a greedy hand finds.

    Each bin lists its longest row first. A row longer than `capacity` gets a bin of its own.
    """
    bins: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        place = next((at for at, free in enumerate(room) if lengths[index] <= free), None)
        if place is None:
            bins.append([])
            room.append(capacity)
            place = len(bins) - 1
        bins[place].append(index)
        room[place] -= lengths[index]
    return bins


def pack(examples: Examples, rows: Rows, capacity: int) -> Iterator[Bin]:
    """The rows of a step as bins of at most `capacity` tokens."""
    lengths = examples.lengths[rows].tolist()
    for members in fit(lengths, capacity):
        yield _bin(examples, [int(rows[member]) for member in members])


def _bin(examples: Examples, rows: Sequence[int]) -> Bin:
    slices = [examples.row(row) for row in rows]
    ids = np.concatenate([examples.ids[part] for part in slices]).astype(np.int64)
    trained = np.concatenate([examples.trained[part] for part in slices])
    lengths = [part.stop - part.start for part in slices]
    targets = np.flatnonzero(trained)  # never a row's first token, so the place before belongs to the same row
    return Bin(
        ids=torch.from_numpy(ids)[None],
        positions=torch.from_numpy(np.concatenate([np.arange(length) for length in lengths]))[None],
        sources=torch.from_numpy(targets - 1),
        targets=torch.from_numpy(ids[targets]),
        groups=group(lengths),
    )


def group(lengths: Sequence[int]) -> tuple[Group, ...]:
    """Neighbouring equal lengths together."""
    groups: list[Group] = []
    for length in lengths:
        if groups and groups[-1].length == length:
            groups[-1] = Group(groups[-1].count + 1, length)
        else:
            groups.append(Group(1, length))
    return tuple(groups)
