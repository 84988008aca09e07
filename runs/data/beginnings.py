"""How much of a row its neighbours begin with, too: a system message, as a rule. Training computes that once for a bin."""

from itertools import islice, pairwise
from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.data.rows import read_rows

COMPARED = 200  # rows, each with the one before


def beginning(canonical: Path, renderer: Renderer, task: TaskType) -> float:
    """Tokens, on average over the first rows. Texts are joined and cut: nothing is in common by rule."""
    if task is TaskType.CONTINUED_PRETRAIN:
        return 0.0
    rows = [row.ids for row in renderer.encode_many(islice(read_rows(canonical), COMPARED), task)]
    return sum(_common(*pair) for pair in pairwise(rows)) / max(1, len(rows) - 1)


def _common(one: list[int], other: list[int]) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
