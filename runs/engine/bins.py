"""What goes through the model at once: rows side by side in one stream, and where each of them lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Group:
    """`count` neighbouring rows of `length` tokens each: attention takes them in one call.

    Rows that go on from a beginning they share find it in the stream's tokens from `start` on, `shared` of them.
    """

    count: int
    length: int
    start: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows side by side in one stream of T tokens. A beginning that rows share is there once, before what is their own.

    Each row ends before its last target: that one and what follows it would be computed for nobody.
    `ids` and `positions` are [1, T]; positions restart with each row. `sources` [P] are the places whose next token is trained,
    `targets` [P] those tokens, `read` [R <= P] the sources in order, each once: rows may share one. `groups` describe the
    stream from left to right.
    """

    ids: Tensor
    positions: Tensor
    sources: Tensor
    targets: Tensor
    read: Tensor
    groups: tuple[Group, ...]

    def to(self, device: torch.device) -> "Bin":
        tensors = (self.ids, self.positions, self.sources, self.targets, self.read)
        ids, positions, sources, targets, read = (part.to(device, non_blocking=True) for part in tensors)
        return Bin(ids, positions, sources, targets, read, self.groups)


def group(lengths: Sequence[int], start: int = 0, shared: int = 0) -> list[Group]:
    """Neighbouring equal lengths together."""
    return [Group(len(list(same)), length, start, shared) for length, same in groupby(lengths)]
