"""Child processes that check and measure data. A child holds the lock of its folder as long as it lives, whoever started it."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from runs.data.measuring import Job, write
from runs.execution.environment import without_secrets


def start(folder: Path, job: Job) -> None:
    """Start a measurement. Raises OSError."""
    launch(folder, "runs.data.measuring", job.model_copy(update={"folder": folder}).model_dump(mode="json"))


def launch(folder: Path, module: str, job: dict[str, Any], told: bytes = b"") -> None:
    """Start a child in a session of its own: signals to the worker do not reach it. It is `told` by its standard input what
    belongs on no disk. Raises OSError.
    """
    (folder / "result.json").unlink(missing_ok=True)
    write(folder / "job.json", job)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # inherited: it is held until the child has gone
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock],
                env=without_secrets(),
            )
        (folder / "pid").write_text(str(process.pid))
    except BlockingIOError:
        return  # one is at work
    finally:
        os.close(lock)
    # in a thread, which reaps it too: else it ends as a zombie
    threading.Thread(target=process.communicate, args=[told], daemon=True, name=f"wait-{process.pid}").start()


def end(folder: Path) -> None:
    """Kill the child, if it lives."""
    if is_alive(folder):
        with suppress(OSError, ValueError):
            os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)


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
    return int(progress(folder).get("done", 0))


def progress(folder: Path) -> dict[str, Any]:
    """What the child said last of how far it is."""
    return _read(folder / "progress.json") or {}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return found
