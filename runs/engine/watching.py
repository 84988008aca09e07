"""What a person would say who watched the losses: a spike, a plateau, an evaluation that turns."""

import math
import statistics
from collections import deque
from datetime import datetime
from itertools import pairwise

from runs.contract.events import Notice, Remark

RECENT, NEAR = 40, 9  # steps that tell how much the loss scatters, and where it is now
LEAST = 20  # steps before anything is said
FAR = 8.0  # times the usual distance from the median: for losses that scatter normally once in 10^7 steps
HIGHER = 1.25  # and so much above it
QUIET = 50  # steps between two remarks of a kind
PLATEAU_SHARE, PLATEAU_STEPS = 0.25, 60  # of the run, and at least: so long without getting anywhere
STANDSTILL = 0.005  # of the loss
LEARNED = 0.02  # nats: a loss like this stands still because there is nothing left to learn


class Watch:
    """Fed with each step's loss and each evaluation's. Knows the run from where this process began."""

    def __init__(self, total_steps: int) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._window: deque[float] = deque(maxlen=max(PLATEAU_STEPS, round(PLATEAU_SHARE * total_steps)))
        self._said: dict[Remark, int] = {}

    def step(self, step: int, loss: float, time: datetime) -> Notice | None:
        spike = self._spike(loss)
        self._recent.append(loss)
        self._window.append(loss)
        if spike is not None and self._may_say(Remark.SPIKE, step, again=True):
            message = f"The loss jumped to {loss:.3g} at batch {step:,}, from about {spike:.3g}."
            advice = "One jump heals by itself. If it does not, lower the learning rate, clip harder, or look at its rows."
            return Notice(time=time, step=step, remark=Remark.SPIKE, message=message, advice=advice)
        if spike is None and self._is_flat() and self._may_say(Remark.PLATEAU, step):
            message = f"The loss has stayed at about {statistics.fmean(self._window):.3g} for {len(self._window):,} batches."
            advice = "If that is far from what you hoped for, raise the learning rate; else the same data teach nothing more."
            return Notice(time=time, step=step, remark=Remark.PLATEAU, message=message, advice=advice)
        return None

    def evaluation(self, step: int, found: dict[int, float], time: datetime) -> Notice | None:
        """`found`: evaluation loss by step. Says once when the last two were each higher than the one before."""
        last = [found[at] for at in sorted(found)][-3:]
        if len(last) < 3 or not last[0] < last[1] < last[2] or not self._may_say(Remark.OVERFITTING, step):
            return None
        best = min(found, key=lambda at: (found[at], at))
        message = f"The evaluation loss rises: {last[0]:.4g}, {last[1]:.4g}, {last[2]:.4g}. It was lowest after batch {best:,}."
        advice = "The model begins to learn the training rows by heart: train shorter, or keep the best checkpoint."
        return Notice(time=time, step=step, remark=Remark.OVERFITTING, message=message, advice=advice)

    def _spike(self, loss: float) -> float | None:
        """About where the loss was, when this one is far above it."""
        if len(self._recent) < LEAST:
            return None
        losses = list(self._recent)
        median = statistics.median(losses[-NEAR:])
        # From one batch to the next: a loss that falls fast is not one that scatters. As a standard deviation.
        usual = 1.4826 / math.sqrt(2) * statistics.median(abs(after - before) for before, after in pairwise(losses))
        return median if loss > max(median + FAR * usual, HIGHER * median) else None

    def _is_flat(self) -> bool:
        losses = list(self._window)
        if len(losses) < (self._window.maxlen or 0):
            return False
        half = len(losses) // 2
        before, after = statistics.fmean(losses[:half]), statistics.fmean(losses[half:])
        return after > LEARNED and before - after < STANDSTILL * before

    def _may_say(self, remark: Remark, step: int, *, again: bool = False) -> bool:
        if remark in self._said and not (again and step - self._said[remark] > QUIET):
            return False
        self._said[remark] = step
        return True
