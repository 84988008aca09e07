"""What a rival's process is measured by: the same for all of them. Knows nothing of our engine."""

import json
import time
from pathlib import Path
from typing import Any

import torch


def read(path: str) -> list[dict[str, list[int]]]:
    """Rows as `input_ids` and `labels` (-100 where nothing is trained), tokenized once for everybody."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


class Meter:
    """CPU seconds, useful tokens and padding from the end of the first step to the end of the last."""

    def __init__(self, out: str) -> None:
        self._out = Path(out)
        self._batches: list[tuple[int, int]] = []
        self._steps = 0
        self._began: tuple[float, float] | None = None
        self.losses: list[float] = []

    def begin(self) -> None:
        """A step begins. The first one is the end of the start-up."""
        self._began = self._began or (time.time(), time.process_time())

    def batch(self, useful: int, places: int) -> None:
        """A batch was made: `places` are all its tokens, padding included."""
        self._batches.append((useful, places))

    def step(self, loss: float | None, batches: int) -> None:
        """A step is done that took the next `batches` batches."""
        self._steps += 1
        if loss is not None:
            self.losses.append(loss)
        taken, self._batches = self._batches[:batches], self._batches[batches:]
        if self._steps == 1:
            self._first = time.process_time()
            self._seen = [0, 0]
            self._batch_of_first = taken
        else:
            for useful, places in taken:
                self._seen[0] += useful
                self._seen[1] += places
        self._last = time.process_time()

    def write(self, **more: Any) -> None:
        useful, places = self._seen
        assert self._began
        began, start_cpu = self._began
        said = {"tokens": useful, "cpu": self._last - self._first, "padding": 1 - useful / places, "began": began,
                "start_cpu": start_cpu, "losses": self.losses, "torch": torch.__version__, **more}  # fmt: skip
        self._out.write_text(json.dumps(said))
