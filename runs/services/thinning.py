"""Fewer points for the same picture. Pure: knows numbers, not runs."""

import math
from collections.abc import Sequence


def thin(values: Sequence[float | None], most: int) -> list[int]:
    """Indices of at most `most` (>= 2) values, rising: first and last, and the lowest and highest of each stretch between.

    Extremes are what the eye looks for in a loss curve; averaging would hide a spike. Missing and non-finite values are drawn
    only where a stretch has nothing else.
    """
    count = len(values)
    if count <= most:
        return list(range(count))
    stretches = (most - 2) // 2
    kept = {0, count - 1}
    for number in range(stretches):
        start = 1 + number * (count - 2) // stretches
        end = 1 + (number + 1) * (count - 2) // stretches
        finite = [index for index in range(start, end) if _is_finite(values[index])] or [start]
        kept.add(min(finite, key=lambda index: (values[index], index)))
        kept.add(max(finite, key=lambda index: (values[index], -index)))
    return sorted(kept)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
