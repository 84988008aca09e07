"""How fast a run is, and when it will be done."""

import time
from collections import deque
from dataclasses import dataclass

WINDOW = 20  # steps that the speed is averaged over


@dataclass(frozen=True)
class Speed:
    """A second's work over the last steps, and how much longer all will take at this speed, pauses for evaluations included."""

    tokens: float
    batches: float
    rows: float
    seconds_left: float


class Pace:
    """Fed with the tokens seen so far after each step, and the rows of it. `pause`: of the first evaluation, if known."""

    def __init__(self, tokens: int, total_tokens: int, pause: float | None = None) -> None:
        self._seen: deque[tuple[float, int, int]] = deque([(time.monotonic(), tokens, 0)], maxlen=WINDOW + 1)
        self._total = total_tokens
        self._pauses: deque[float] = deque([] if pause is None else [pause], maxlen=WINDOW)

    def skip(self, *, is_pause: bool = False) -> None:
        """Time since the last step was spent on something else. `is_pause`: an interval ended, as others will."""
        gap = time.monotonic() - self._seen[-1][0]
        self._seen = deque(((moment + gap, tokens, rows) for moment, tokens, rows in self._seen), maxlen=WINDOW + 1)
        if is_pause:
            self._pauses.append(gap)

    def step(self, tokens: int, rows: int, pauses_left: int = 0) -> Speed:
        self._seen.append((time.monotonic(), tokens, rows))
        (began, first, _), (ended, last, _) = self._seen[0], self._seen[-1]
        seconds = max(ended - began, 1e-9)
        speed = (last - first) / seconds
        counted = sum(entry[2] for entry in self._seen) - self._seen[0][2]
        pauses = pauses_left * sum(self._pauses) / max(1, len(self._pauses))
        return Speed(speed, (len(self._seen) - 1) / seconds, counted / seconds, (self._total - tokens) / speed + pauses)
