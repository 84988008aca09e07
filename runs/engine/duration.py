"""How long a run is and when its intervals are due, as optimizer steps, whatever unit they were given in."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runs.contract.duration import Duration, Unit
from runs.data.packing import order, steps_per_epoch


@dataclass(frozen=True)
class Timetable:
    """Steps, epochs and tokens of a run over rows of these `lengths`; steps are counted from 1, 0 is before the first."""

    lengths: NDArray[np.int64]
    batch_size: int
    seed: int
    duration: Duration
    interval: Duration

    @cached_property
    def steps_per_epoch(self) -> int:
        return steps_per_epoch(len(self.lengths), self.batch_size)

    @cached_property
    def epoch_tokens(self) -> int:
        return int(self.lengths.sum())

    @cached_property
    def total_steps(self) -> int:
        match self.duration.unit:
            case Unit.EPOCHS:
                return self.duration.count * self.steps_per_epoch
            case Unit.BATCHES:
                return self.duration.count
        epochs, rest = divmod(self.duration.count, self.epoch_tokens)
        return (
            epochs * self.steps_per_epoch + int(np.searchsorted(self._cumulative(epochs), rest))
            if rest
            else self._whole(epochs)
        )

    def tokens(self, step: int) -> int:
        """Useful tokens seen when `step` steps are done."""
        epochs, place = divmod(step, self.steps_per_epoch)
        return epochs * self.epoch_tokens + (int(self._cumulative(epochs)[place]) if place else 0)

    def rows(self, step: int) -> int:
        """Rows seen when `step` steps are done. The last step of an epoch may have fewer."""
        epochs, place = divmod(step, self.steps_per_epoch)
        return epochs * len(self.lengths) + place * self.batch_size

    def epoch(self, step: int) -> float:
        return step / self.steps_per_epoch

    def is_due(self, step: int) -> bool:
        """Whether an interval ends with this step. The run's last step always ends one."""
        if step == self.total_steps:
            return True
        match self.interval.unit:
            case Unit.EPOCHS:
                return step % (self.interval.count * self.steps_per_epoch) == 0
            case Unit.BATCHES:
                return step % self.interval.count == 0
        return self.tokens(step) // self.interval.count > self.tokens(step - 1) // self.interval.count

    @property
    def intervals(self) -> int:
        """How many intervals end in the run."""
        return self.intervals_from(1)

    def intervals_from(self, step: int) -> int:
        """How many end with this step or a later one; where they are given in tokens, about so many."""
        match self.interval.unit:
            case Unit.EPOCHS:
                length: float = self.interval.count * self.steps_per_epoch
            case Unit.BATCHES:
                length = self.interval.count
            case _:
                length = max(1.0, self.interval.count * self.steps_per_epoch / max(1, self.epoch_tokens))
        return max(1, math.ceil(self.total_steps / length) - int((step - 1) / length))

    def _whole(self, epochs: int) -> int:
        return epochs * self.steps_per_epoch

    def _cumulative(self, epoch: int) -> NDArray[np.int64]:
        """Tokens of an epoch after 0, 1, 2, ... of its steps."""
        if epoch not in self._remembered:
            ordered = self.lengths[order(self.seed, epoch, len(self.lengths))]
            sums = np.add.reduceat(ordered, np.arange(0, len(ordered), self.batch_size))
            self._remembered.clear()
            self._remembered[epoch] = np.cumsum([0, *sums])
        return self._remembered[epoch]

    @cached_property
    def _remembered(self) -> dict[int, NDArray[np.int64]]:
        """The last epoch asked for: a step asks for the same one again."""
        return {}
