"""What a run has left on disk, for the doors: its full specification and its log."""

import os
from pathlib import Path

from runs import wiring
from runs.contract.spec import RunSpec
from runs.models import Run
from runs.services.refused import NotFound
from runs.services.specification import specification

BLOCK = 64 * 1024  # bytes


def full_specification(run: Run) -> RunSpec:
    """As the engine gets it. Before the first start it is what the engine would get now."""
    return specification(run, wiring.run_folder(run.name))


def log_file(run: Run) -> Path:
    """The engine's standard output and error; raises NotFound before the first start."""
    path = wiring.run_folder(run.name).log
    if not path.is_file():
        raise NotFound(f"{run.name} has not started yet, so there is no log.")
    return path


def last_lines(run: Run, count: int) -> bytes:
    """The end of the log, read from its end: a log may be long."""
    with log_file(run).open("rb") as log:
        end, kept = log.seek(0, os.SEEK_END), b""
        while end and kept.count(b"\n") <= count:
            start = max(0, end - BLOCK)
            log.seek(start)
            kept, end = log.read(end - start) + kept, start
    return b"".join(kept.splitlines(keepends=True)[-count:])


def rows_file(digest: str) -> Path:
    """The canonical rows with this digest; raises NotFound when somebody took the file away."""
    path = wiring.dataset_file(digest)
    if not path.is_file():
        raise NotFound("The rows of this data set are no longer on the server's disk.")
    return path
