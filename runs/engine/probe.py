"""A few real steps, measured, and nothing kept: what a run with this specification will take. A file in its folder asks for it.

Everything that takes a run's time is done once: reading, an evaluation, answers, steps, a checkpoint, the finished model.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from runs.contract.events import Exit, Outcome
from runs.contract.probe import ROWS, Cost, Probe
from runs.data.packing import batch
from runs.engine import models
from runs.engine.batches import pack
from runs.engine.failure import Leave
from runs.engine.keeping import DISK
from runs.engine.laps import Laps
from runs.engine.pipeline import Pipeline
from runs.engine.precision import of_products
from runs.engine.reporting import now
from runs.engine.training import Training

STEPS, MOST_STEPS = 3, 12  # timed at least, unless they are too slow, and at most
ENOUGH, TOO_LONG = 4.0, 120.0  # seconds of steps after which no more are taken; the second holds for fewer than STEPS, too
SCORED = 64  # evaluation rows that are scored
LOOKED_AT = 48  # batches whose bins are counted
LARGEST = 4 << 30  # bytes of a model up to which it is written to see how long that takes


class Probing(Pipeline):
    """The run's own story, shortened."""

    most_rows = ROWS

    def run(self) -> Exit:
        try:
            self.folder.write_probe(self._measure())
        except Leave as leave:
            return Exit(outcome=leave.outcome, time=now(), step=self.step)
        finally:
            self.keeper.close()
        return Exit(outcome=Outcome.COMPLETED, time=now(), step=self.step)

    def _measure(self) -> Probe:
        laps = Laps(torch.device(self.spec.device.kind))
        begin = laps.lap()
        self._read_data()
        reading = laps.lap()
        self.training = training = self._set_up()
        begin += laps.lap()
        evaluation = self._evaluation(training, laps)
        costs = _Steps(training, laps, self.wishes.check).costs(begin)
        laps.lap()
        training.step = 1
        checkpoint = self._checkpoint(training, laps)
        finish = self._finishing(training, laps)
        return Probe(
            row=reading * (1 / sum(min(ROWS, data.rows) for data in (self.spec.train, self.spec.evaluation) if data)),
            evaluation=evaluation,
            checkpoint=checkpoint,
            finish=finish,
            memory_bytes=self.gauges.peak(),
            tokens_at_once=training.capacity,
            **costs,
        )

    def _evaluation(self, training: Training, laps: Laps) -> Cost:
        """Of all rows, from some; answers are given once in full."""
        held_out, prompts = self.held_out, self.spec.eval_prompts
        cost = Cost()
        if held_out:
            self.held_out, self.spec = held_out.head(SCORED), self.spec.model_copy(update={"eval_prompts": ()})
            self._evaluate(training)
            files = self.spec.evaluation.rows if self.spec.evaluation else 0
            cost = laps.lap() * (int(held_out.lengths.sum()) / int(self.held_out.lengths.sum()) * max(1.0, files / ROWS))
        if prompts:
            self.held_out, self.spec = None, self.spec.model_copy(update={"eval_prompts": prompts})
            self._evaluate(training)
            cost += laps.lap()
        return cost

    def _checkpoint(self, training: Training, laps: Laps) -> Cost:
        size = sum(param.numel() * param.element_size() for param in training.parameters.values())
        if size > LARGEST:
            return Cost(clock=3 * size / DISK)
        self.keeper.keep(training, for_recovery=False)
        self.keeper.settle()
        return laps.lap()

    def _finishing(self, training: Training, laps: Laps) -> Cost:
        size = models.finished_bytes(training.model, of_products(self.spec, training.device))
        if size > LARGEST:
            self.method.finish(training.model)  # for its memory
            return laps.lap() + Cost(clock=size / DISK)
        self._finish(training)
        return laps.lap()


@dataclass(frozen=True)
class _Taken:
    """A step: its cost, the share of it that the optimizer had, and the tokens that went through the model."""

    cost: Cost
    moving: float
    computed: int


class _Steps:
    """Steps that are timed: after one with as many tokens at once as there will be, which warms up, the run's own."""

    def __init__(self, training: Training, laps: Laps, check: Callable[[], None]) -> None:
        self._training, self._laps, self._check = training, laps, check
        settings = training.spec.hyperparameters
        in_epoch = min(training.timetable.steps_per_epoch, training.timetable.total_steps, LOOKED_AT)
        self._batches = [batch(at, len(training.examples), settings.batch_size, settings.seed) for at in range(in_epoch)]
        self._moving = 0.0
        training.optimizer.register_step_pre_hook(lambda *_: self._note(-1))
        training.optimizer.register_step_post_hook(lambda *_: self._note(1))
        self._first = self._step(max(range(in_epoch), key=self._at_once))
        self._taken = self._take()

    def _note(self, sign: int) -> None:
        self._moving += sign * time.perf_counter()

    def _at_once(self, place: int) -> tuple[int, int]:
        """The most tokens that this batch has in memory together; then all of them."""
        lengths = self._training.examples.lengths[self._batches[place]]
        whole = int(lengths.sum())
        return max(min(whole, self._training.capacity), int(lengths.max())), whole

    def _step(self, place: int) -> _Taken:
        self._check()
        self._training.step, self._moving = place, 0.0
        self._laps.lap()
        self._training.advance()
        cost = self._laps.lap()
        return _Taken(cost, min(1.0, self._moving / max(cost.clock, 1e-9)), self._computed(place))

    def _computed(self, place: int) -> int:
        """Tokens after what rows have in common was put together."""
        bins = pack(self._training.examples, self._batches[place], self._training.capacity)
        found = sum(packed.ids.numel() for packed in bins)
        self._laps.lap()
        return found

    def _take(self) -> list[_Taken]:
        taken: list[_Taken] = []
        began = time.monotonic()
        while len(taken) < MOST_STEPS and (
            not taken or time.monotonic() - began < (TOO_LONG if len(taken) < STEPS else ENOUGH)
        ):
            taken.append(self._step(len(taken) % len(self._batches)))
        return taken

    def costs(self, begin: Cost) -> dict[str, Any]:
        """The optimizer's part is the same in every step; the rest goes with the tokens that are computed.

        To the beginning belongs what the first step took beyond that: memory that is touched for the first time, and code for
        new shapes.
        """
        taken, count = self._taken, len(self._taken)
        step = sum((one.cost * one.moving for one in taken), Cost()) * (1 / count)
        passing = sum((one.cost * (1 - one.moving) for one in taken), Cost())
        computed = sum(one.computed for one in taken)
        useful = sum(int(self._training.examples.lengths[rows].sum()) for rows in self._batches)
        share = sum(self._computed(place) for place in range(len(self._batches))) / useful
        expected = [step.clock + passing.clock * one.computed / computed for one in taken]
        off = [one.cost.clock / there - 1 for one, there in zip(taken, expected, strict=True)]
        threads = torch.get_num_threads() if self._training.device.type == "cpu" else 0
        seen = sum((one.cost for one in taken), Cost())
        warm = step + passing * (self._first.computed / computed)
        warming = Cost(clock=self._first.cost.clock - warm.clock, cpu=self._first.cost.cpu - warm.cpu)
        return {
            "begin": begin + Cost(clock=max(0.0, warming.clock), cpu=max(0.0, warming.cpu)),
            "steps": count,
            "step": step,
            "token": passing * (share / computed),
            "spread": math.sqrt(sum(one**2 for one in off) / count),
            "busy": min(1.0, seen.cpu / max(1e-9, seen.clock * threads)) if threads else 1.0,
        }
