"""Scores of rows that are never trained on: loss, perplexity and token accuracy of the weights of this moment."""

import math
from collections.abc import Callable

import numpy as np
import torch

from runs.contract.events import Evaluation, Fault
from runs.engine import models
from runs.engine.batches import pack
from runs.engine.examples import Examples
from runs.engine.failure import Failure, is_out_of_memory
from runs.engine.loss import Score, score
from runs.engine.precision import precision
from runs.engine.reporting import now
from runs.engine.training import Training

ROWS = 64  # packed at a time
LARGEST = 700.0  # nats; math.exp of more is an OverflowError


@torch.no_grad()
def evaluate(training: Training, held_out: Examples, tick: Callable[[int], None]) -> Evaluation:
    """Score all rows of `held_out`; `tick` is called with the number of rows done. Raises Failure(DIVERGED) at NaN.

    Where the memory is not enough it begins again with half as many tokens at a time, as a step does.
    """
    training.model.eval()
    while (sums := _try(training, held_out, tick)) is None:
        training.halve()
    return _scores(training, sums)


def _try(training: Training, held_out: Examples, tick: Callable[[int], None]) -> Score | None:
    try:
        return _score_all(training, held_out, tick)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or training.capacity <= int(held_out.lengths.max()):
            raise
        return None


def _score_all(training: Training, held_out: Examples, tick: Callable[[int], None]) -> Score:
    sums = Score()
    for start in range(0, len(held_out), ROWS):
        rows = np.arange(start, min(start + ROWS, len(held_out)))
        for packed in pack(held_out, rows, training.capacity):
            part = packed.to(training.device)
            with precision(training.spec, training.device), training.last.reading(part):
                hidden = models.hidden_states(training.model, part)
                found = score(hidden[0, part.sources], training.weight, part.targets)
            sums = Score(sums.loss + found.loss, sums.correct + found.correct, sums.targets + found.targets)
            tick(int(rows[0]))
        tick(int(rows[-1]) + 1)
    return sums


def _scores(training: Training, sums: Score) -> Evaluation:
    loss = sums.loss / sums.targets
    if math.isnan(loss):
        raise Failure(Fault.DIVERGED, f"Training diverged: the evaluation loss after batch {training.step} is not a number.")
    return Evaluation(
        time=now(),
        step=training.step,
        epoch=training.timetable.epoch(training.step),
        tokens=training.tokens,
        loss=loss,
        perplexity=math.exp(min(loss, LARGEST)),
        token_accuracy=sums.correct / sums.targets,
    )
