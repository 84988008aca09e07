"""One large file or place read and checked as a child process that a folder is the interface to.

    python -m runs.data.taking <folder>

`job.json` goes in, and by standard input the places that may be read, because a token among them belongs on no disk.
`progress.json`, the canonical `rows.jsonl` and, written last, `result.json` come out. Knows no database and no user.
"""

import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from runs.contract.spec import TaskType
from runs.data.measuring import BETWEEN, NICE, write
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


class _Progress:
    """Says now and then how many rows are checked, and how many bytes of the file are read."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path, self._next = folder, path, 0.0
        self._total = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else _size(path)

    def __call__(self, rows: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + BETWEEN
            write(self._folder / "progress.json", {"done": self._read(), "total": self._total, "rows": rows})

    def _read(self) -> int:
        """Where the file that is open stands, as Linux tells it; 0 elsewhere."""
        for link in Path("/proc/self/fd").glob("*"):
            try:
                if os.path.samefile(link, self._path):
                    told = Path("/proc/self/fdinfo", link.name).read_text()
                    return int(told.partition("pos:")[2].split()[0])
            except OSError:
                continue
        return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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
            tick=_Progress(folder, path),
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
