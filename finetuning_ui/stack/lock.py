"""One stack at a time on a DATA_DIR. The kernel frees the lock when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another stack works on this DATA_DIR."""


@contextmanager
def only_stack(data_dir: Path) -> Iterator[None]:
    """Hold the lock of `data_dir`. Raises AlreadyRunning with the number of the process that has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            advice = "Stop it there with Ctrl-C, or give this one its own DATA_DIR and PORT."
            raise AlreadyRunning(f"A stack is already running on {data_dir} (process {holder}). {advice}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_running(data_dir: Path) -> bool:
    try:
        with only_stack(data_dir):
            return False
    except AlreadyRunning:
        return True
