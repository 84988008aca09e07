"""`make bench`: the share of a run's steps that is not forward, backward or optimizer: data, metrics, events, checkpoints.

The engine's own pipeline trains in this process, with a checkpoint every tenth step; its computing is timed from outside.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from runs.contract.events import EventType
from runs.engine import optimizer
from runs.engine.pipeline import Pipeline
from runs.engine.reporting import Reporter
from runs.engine.training import Training
from runs.engine.wishes import Wishes
from tests.bench import material
from tests.bench.running import Asked, write_run

MOST = 0.03
CHECKPOINTS = 10  # steps between two


class Clock:
    """Seconds of the clock and of this thread's processor spent in the functions it is put around."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*given, **named)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu

        return timed


class Timed(Pipeline):
    """Times its steps from the first one's beginning to the moment when the last checkpoint is written."""

    def _set_up(self) -> Training:
        training, self.computing = super()._set_up(), Clock()
        training._backward_all = self.computing.around(training._backward_all)  # type: ignore[method-assign]
        training.optimizer.step = self.computing.around(training.optimizer.step)  # type: ignore[method-assign]
        return training

    def _train(self, training: Training) -> None:
        whole = Clock()
        clip, optimizer.clip = optimizer.clip, self.computing.around(optimizer.clip)
        try:
            whole.around(super()._train)(training)
        finally:
            optimizer.clip = clip
        self.whole = whole


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.outside", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/models"), help="where models are kept")
    parser.add_argument("--models", nargs="*", default=["17m", material.SMOLLM])
    parser.add_argument("--steps", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.models:
        with TemporaryDirectory(prefix="bench-") as place:
            found = measure(name, given.folder, Path(place, "run"), given.steps)
        outside = 1 - found.computing.wall / found.whole.wall
        busy = 1 - found.computing.cpu / found.whole.cpu
        verdict = "holds" if outside <= MOST else "does not hold"
        print(
            f"{name}, {given.steps} steps in {found.whole.wall:.0f} s, a checkpoint every {CHECKPOINTS}: {outside:.1%} of the "
            f"clock outside of forward, backward and optimizer, {busy:.1%} of the processor; at most {MOST:.0%} {verdict}"
        )


def measure(name: str, models: Path, place: Path, steps: int) -> Timed:
    batch = 32 if name == "17m" else 8
    asked = Asked(
        model=material.model(name, models),
        name=material.full_name(name),
        rows=material.rows("mixed", Path(), batch * steps),
        settings={
            "batch_size": batch, "training_duration": f"{steps}ba", "eval_interval": f"{CHECKPOINTS}ba", "keep_checkpoints": 2,
            "context_length": 1_024, "learning_rate": 1e-4,
        },
    )  # fmt: skip
    folder = write_run(place, asked)
    pipeline = Timed(folder, folder.read_spec(), Reporter(folder.events), Wishes(folder))
    pipeline.run()
    assert f'"{EventType.TRAIN_FINISHED.value}"' in folder.events.read_text()
    return pipeline


if __name__ == "__main__":
    main()
