"""New rows from old ones: copies dropped, leaks removed, private values masked, some rows split off for evaluation.

The same remedy on the same rows gives the same bytes, on every machine. The rows it starts from are not touched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

from runs.contract.spec import TaskType
from runs.data.canonical import Canonical
from runs.data.contents import Tick, batches, is_one_word, says_nothing
from runs.data.masking import masked
from runs.data.overlap import leaks
from runs.data.rendering import Renderer
from runs.data.twins import Found, Twins
from runs.data.wording import said


class RemedyKind(StrEnum):
    DROP_DUPLICATES = "drop_duplicates"
    DROP_NEAR_DUPLICATES = "drop_near_duplicates"
    DROP_LEAKED = "drop_leaked"
    DROP_EMPTY_ANSWERS = "drop_empty_answers"
    DROP_ONE_WORD_ANSWERS = "drop_one_word_answers"
    DROP_LONG = "drop_long"
    MASK = "mask"
    SPLIT = "split"


class Remedy(BaseModel):
    """What to do. Settings that the kind does not use are left at their defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: RemedyKind
    share: float = Field(default=0.05, gt=0, lt=1, description="split: part of the rows that becomes evaluation data")
    seed: int = Field(default=17, ge=0, le=2**31 - 1, description="split: the same seed splits off the same rows")
    context_length: int | None = Field(default=None, ge=16, description="drop_long: rows of more tokens are dropped")


@dataclass(frozen=True)
class Tools:
    """What some remedies need besides the rows: the evaluation set's file, a model's renderer."""

    evaluation: Path | None = None
    renderer: Renderer | None = None


@dataclass(frozen=True)
class Part:
    """A file of rows that a remedy wrote. `changed` counts rows or values that are not as they were."""

    path: Path
    digest: str
    rows: int
    changed: int


def apply(
    remedy: Remedy, source: Path, task: TaskType, folder: Path, tools: Tools = Tools(), tick: Tick = lambda _: None
) -> list[Part]:
    """Write the new rows into `folder`: one part, or with a split two, training rows first. A part without rows is left out."""
    if remedy.kind is RemedyKind.MASK:
        return _write([(masked(source, task, tick), folder / "rows.jsonl")])
    chosen = _chosen(remedy, source, task, tools, tick)
    rest = _rows(source, lambda row: row not in chosen), folder / "rows.jsonl"
    if remedy.kind is RemedyKind.SPLIT:
        return _write([rest, (_rows(source, lambda row: row in chosen), folder / "evaluation.jsonl")])
    return _write([rest], changed=len(chosen))


def _write(parts: list[tuple[Iterator[tuple[bytes, int]], Path]], changed: int = 0) -> list[Part]:
    made = []
    for lines, path in parts:
        with Canonical(path) as out:
            for line, changes in lines:
                out.write(line, 1)
                changed += changes
            if out.rows:
                made.append(Part(path, out.keep(), out.rows, changed))
    return made


def _rows(source: Path, wanted: Callable[[int], bool]) -> Iterator[tuple[bytes, int]]:
    with source.open("rb", buffering=1 << 20) as file:
        yield from ((line, 0) for row, line in enumerate(file) if wanted(row))


def _chosen(remedy: Remedy, source: Path, task: TaskType, tools: Tools, tick: Tick) -> frozenset[int] | set[int]:
    """Rows, counted from 0, that are dropped or split off."""
    kind = remedy.kind
    if kind is RemedyKind.DROP_LEAKED:
        assert tools.evaluation is not None
        return leaks(source, tools.evaluation, task, tick).rows
    if kind is RemedyKind.DROP_LONG:
        assert tools.renderer is not None
        assert remedy.context_length is not None
        return set(_long(source, task, tools.renderer, remedy.context_length, tick))
    if kind in (RemedyKind.DROP_EMPTY_ANSWERS, RemedyKind.DROP_ONE_WORD_ANSWERS):
        judge = says_nothing if kind is RemedyKind.DROP_EMPTY_ANSWERS else _one_word
        return set(_answered(source, task, judge, tick))
    found = _twins(source, task, tick)
    if kind is RemedyKind.SPLIT:
        return _split(found, _count(source), remedy)
    pairs = found.exact if kind is RemedyKind.DROP_DUPLICATES else [*found.exact, *found.near]
    return {row for row, _ in pairs}


def _twins(source: Path, task: TaskType, tick: Tick) -> Found:
    twins, done = Twins(source, task), 0
    for lines in batches(source):
        twins.add(lines, [said(orjson.loads(line), task) for line in lines])
        tick(done := done + len(lines))
    return twins.found()


def _count(source: Path) -> int:
    return sum(len(lines) for lines in batches(source))


def _split(found: Found, rows: int, remedy: Remedy) -> set[int]:
    """A share of the rows by chance; copies, near copies and equal questions stay on one side."""
    group = np.arange(rows)
    for row, of in sorted([*found.exact, *found.near, *found.conflicts]):
        low, high = sorted((int(group[row]), int(group[of])))
        if low != high:
            group[group == high] = low
    order = np.random.Generator(np.random.PCG64(remedy.seed)).permutation(np.unique(group))
    sizes = np.bincount(group, minlength=rows)
    wanted = max(1, round(rows * remedy.share))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), wanted)) + 1
    taken = np.isin(group, order[:enough])
    return set(np.flatnonzero(taken).tolist())


def _one_word(answer: str) -> bool:
    return is_one_word(answer) and not says_nothing(answer)


def _answered(source: Path, task: TaskType, judge: Callable[[str], bool], tick: Tick) -> Iterator[int]:
    """Rows with an empty answer; rows of which every answer is one word."""
    together = any if judge is says_nothing else all
    done = 0
    for lines in batches(source):
        for row, line in enumerate(lines, done):
            answers = said(orjson.loads(line), task).answers
            if answers and together(map(judge, answers)):
                yield row
        tick(done := done + len(lines))


def _long(source: Path, task: TaskType, renderer: Renderer, limit: int, tick: Tick) -> Iterator[int]:
    done = 0
    for lines in batches(source):
        encoded = renderer.encode_many(map(orjson.loads, lines), task)
        yield from (row for row, one in enumerate(encoded, done) if len(one.ids) > limit)
        tick(done := done + len(lines))
