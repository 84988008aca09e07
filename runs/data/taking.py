"""One large file or place read and checked as a child process that a folder is the interface to.

    python -m runs.data.taking <folder>

`job.json` goes in, and by standard input the places that may be read, because a token among them belongs on no disk.
`progress.json`, the canonical `rows.jsonl` and, written last, `result.json` come out. Knows no database and no user.
"""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from runs.contract.spec import TaskType
from runs.data.measuring import NICE, write
from runs.data.progress import Progress
from runs.data.sources import Roots, SourceError, open_source
from runs.data.validation import check

ROWS, ROOTS = "rows.jsonl", TypeAdapter(Roots)


class Job(BaseModel):
    """`path` is a file or folder that is here; else `reference` is a place to fetch from. `name` says the format."""

    model_config = ConfigDict(frozen=True)
    task: TaskType
    name: str = ""
    path: Path | None = None
    reference: str = ""
    mapping: str | None = None


def take(job: Job, roots: Roots, folder: Path) -> dict[str, Any]:
    """The report of the check, as JSON, or why nothing could be read."""
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed
    scratch.mkdir()
    try:
        path = job.path or open_source(job.reference, replace(roots, scratch=scratch), job.task)
        report = check(
            path,
            task=job.task,
            name=job.name or path.name,
            canonical=folder / ROWS,
            mapping=job.mapping,
            tick=Progress(folder, path),
        )
        return {"report": report.model_dump(mode="json")}
    except SourceError as error:
        return {"refused": str(error)}
    except OSError as error:
        return {"refused": f"The file could not be read or its rows not written: {error.strerror or error}."}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main(folder: Path) -> None:
    os.nice(NICE)
    roots = ROOTS.validate_json(sys.stdin.buffer.read())
    write(folder / "result.json", take(Job.model_validate_json((folder / "job.json").read_bytes()), roots, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
