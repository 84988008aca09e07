"""That this engine is here, and alone: the lock, `engine.json` and the heartbeat of a run folder."""

import fcntl
import logging
import os
import socket
import threading
import time
from typing import TextIO

import psutil

from runs.contract.folder import EngineProcess, RunFolder
from runs.contract.starving import starved

HEARTBEAT_SECONDS = 2.0
PATIENCE_SECONDS = 10.0  # a killed engine counts as dead before the kernel has taken its memory, and then its lock, away
log = logging.getLogger(__name__)


def take_lock(folder: RunFolder, patience: float = PATIENCE_SECONDS) -> TextIO | None:
    """The lock file, to be kept open as long as this process lives; None when another engine has it, or has ended the run."""
    file = folder.lock.open("w")
    deadline, has_waited = time.monotonic() + patience, False
    while not _lock(file):
        if time.monotonic() > deadline:
            file.close()
            return None
        has_waited = True
        time.sleep(0.05)
    if has_waited and folder.read_exit() is not None:
        file.close()
        return None
    return file


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Presence(threading.Thread):
    """Names this process in `engine.json` and touches `heartbeat`, until the process ends."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(daemon=True, name="heartbeat")
        self._folder = folder
        self._me = EngineProcess(
            host=socket.gethostname(), pid=os.getpid(), started=psutil.Process().create_time(), starved=starved()
        )
        self._tick()

    def run(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self._tick()

    def _tick(self) -> None:
        try:
            if self._folder.read_engine() != self._me:  # also heals it after a second engine that was started and sent away
                self._folder.write_engine(self._me)
            self._folder.heartbeat.touch()
        except (OSError, ValueError) as error:  # a full disk must not end the heartbeat for good
            log.warning("no heartbeat: %s", error)
