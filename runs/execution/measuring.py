"""Child processes that measure data sets. A child holds the lock of its folder as long as it lives, whoever started it."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import orjson

from runs.data.measuring import Job, write
from runs.execution.environment import without_secrets


def start(folder: Path, job: Job) -> None:
    """Start a child in a session of its own: signals to the worker do not reach it. Raises OSError."""
    (folder / "result.json").unlink(missing_ok=True)
    write(folder / "job.json", job.model_copy(update={"folder": folder}).model_dump(mode="json"))
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # inherited: it is held until the child has gone
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "runs.data.measuring", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock],
                env=without_secrets(),
            )
    except BlockingIOError:
        return  # one is at work
    finally:
        os.close(lock)
    threading.Thread(target=process.wait, daemon=True, name=f"wait-{process.pid}").start()  # else it ends as a zombie


def is_alive(folder: Path) -> bool:
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def result(folder: Path) -> dict[str, Any] | None:
    """What came out, or None as long as nothing has."""
    return _read(folder / "result.json")


def rows_done(folder: Path) -> int:
    return int((_read(folder / "progress.json") or {}).get("done", 0))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return found
