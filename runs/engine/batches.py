"""The rows of a step as they lie in memory: bins without padding. Which rows share a bin says `runs.data.packing`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from runs.data.packing import Rows, fit
from runs.engine.examples import Examples


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
