"""One measurement of a data set: in this process when it is small, else as a child that a folder is the interface to.

    python -m runs.data.measuring <folder>

`job.json` goes in; `progress.json` and, written last, `result.json` come out. The child holds the folder's `lock` while it
lives. Knows no database and no user.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.contents import Tick, contents
from runs.data.overlap import overlap
from runs.data.preview import Settings, first_batch
from runs.data.profile import count_tokens
from runs.data.remedies import Remedy, Tools, apply
from runs.data.rendering import Renderer, TemplateError

BETWEEN = 0.3  # seconds between two words about progress
NICE = 10  # a page can wait, a training run next to it should not


class Measure(StrEnum):
    CONTENTS = "contents"
    TOKENS = "tokens"
    OVERLAP = "overlap"
    BATCH = "batch"
    REMEDY = "remedy"


class Job(BaseModel):
    """What is measured. `model` is a model folder, `evaluation` a canonical file, `folder` where a remedy writes."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())
    measure: Measure
    task: TaskType
    path: Path
    model: Path | None = None
    evaluation: Path | None = None
    settings: Settings | None = None
    remedy: Remedy | None = None
    folder: Path | None = None


def measure(job: Job, tick: Tick = lambda _: None, renderer: Renderer | None = None) -> dict[str, Any]:
    """The result as JSON. Raises TemplateError when the template refuses a row, FileNotFoundError when rows are gone."""
    return MEASURES[job.measure](job, tick, renderer or (Renderer.load(job.model) if job.model else None))


def _contents(job: Job, tick: Tick, _: Renderer | None) -> dict[str, Any]:
    return contents(job.path, job.task, tick).model_dump(mode="json")


def _tokens(job: Job, tick: Tick, renderer: Renderer | None) -> dict[str, Any]:
    assert renderer is not None
    return count_tokens(job.path, renderer, job.task, tick).model_dump(mode="json")


def _overlap(job: Job, tick: Tick, _: Renderer | None) -> dict[str, Any]:
    assert job.evaluation is not None
    return overlap(job.path, job.evaluation, job.task, tick).model_dump(mode="json")


def _batch(job: Job, tick: Tick, renderer: Renderer | None) -> dict[str, Any]:
    assert renderer is not None
    assert job.settings is not None
    return first_batch(job.path, renderer, job.task, job.settings, tick).model_dump(mode="json")


def _remedy(job: Job, tick: Tick, renderer: Renderer | None) -> dict[str, Any]:
    assert job.remedy is not None
    assert job.folder is not None
    parts = apply(job.remedy, job.path, job.task, job.folder, Tools(job.evaluation, renderer), tick)
    return {"parts": [{**asdict(part), "path": part.path.name} for part in parts]}


MEASURES: dict[Measure, Callable[[Job, Tick, Renderer | None], dict[str, Any]]] = {
    Measure.CONTENTS: _contents,
    Measure.TOKENS: _tokens,
    Measure.OVERLAP: _overlap,
    Measure.BATCH: _batch,
    Measure.REMEDY: _remedy,
}


def write(path: Path, content: dict[str, Any]) -> None:
    """All of it or nothing."""
    draft = path.with_suffix(".tmp")
    draft.write_bytes(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))
    draft.replace(path)


class _Progress:
    """Says now and then how many rows are done."""

    def __init__(self, path: Path) -> None:
        self._path, self._next = path, 0.0

    def __call__(self, done: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + BETWEEN
            write(self._path, {"done": done})


def main(folder: Path) -> None:
    os.nice(NICE)
    job = Job.model_validate_json((folder / "job.json").read_bytes())
    result: dict[str, Any]
    try:
        result = {"result": measure(job, _Progress(folder / "progress.json"))}
    except TemplateError as error:
        result = {"refused": str(error)}
    except FileNotFoundError as error:
        result = {"refused": f"A file is gone: {Path(str(error.filename)).name}."}
    write(folder / "result.json", result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
