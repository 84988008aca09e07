"""How fast a run is, and when it will be done."""

import time
from collections import deque

WINDOW = 20  # steps that the speed is averaged over


class Pace:
    """Fed with the tokens seen so far after each step."""

    def __init__(self, tokens: int, total_tokens: int) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), tokens)], maxlen=WINDOW + 1)
        self._total = total_tokens

    def skip(self) -> None:
        """Time since the last step was spent on something else: an evaluation or a checkpoint."""
        if self._seen:
            gap = time.monotonic() - self._seen[-1][0]
            self._seen = deque(((moment + gap, tokens) for moment, tokens in self._seen), maxlen=WINDOW + 1)

    def step(self, tokens: int) -> tuple[float, float]:
        """Useful tokens a second over the last steps, and seconds left at that speed."""
        self._seen.append((time.monotonic(), tokens))
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        speed = (last - first) / max(ended - began, 1e-9)
        return speed, (self._total - tokens) / speed
