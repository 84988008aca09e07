"""Engines as process groups on this machine."""

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

from runs.contract.folder import EngineProcess, RunFolder
from runs.contract.starving import starved
from runs.execution.environment import without_secrets
from runs.execution.launcher import LaunchFailed

HEARTBEAT_SECONDS = 60  # an engine on another machine is given up after this silence
KILL_SECONDS = 5.0  # that the kernel may take to end a process
SAME_PROCESS_SECONDS = 2  # start times read in different ways differ by less


class LocalLauncher:
    """Starts `python -m runs.engine <folder>` in a session of its own: signals to web or worker do not reach it."""

    def start(self, folder: RunFolder) -> None:
        before = starved()
        command = [sys.executable, "-m", "runs.engine", str(folder.path)]
        try:
            with folder.log.open("ab") as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=without_secrets(),
                )
        except OSError as error:
            raise LaunchFailed(f"The training process could not be started: {error.strerror}.") from error
        folder.write_engine(
            EngineProcess(host=socket.gethostname(), pid=process.pid, started=_start_time(process.pid), starved=before)
        )
        threading.Thread(target=process.wait, daemon=True, name=f"wait-{process.pid}").start()  # else it ends as a zombie

    def is_alive(self, folder: RunFolder) -> bool:
        engine = folder.read_engine()
        if engine is None:
            return False
        if engine.host != socket.gethostname():
            return _age(folder) < HEARTBEAT_SECONDS
        return _process(engine) is not None

    def interrupt(self, folder: RunFolder) -> None:
        engine = folder.read_engine()
        if engine is not None and engine.host == socket.gethostname() and (process := _process(engine)):
            process.send_signal(signal.SIGTERM)

    def was_starved(self, folder: RunFolder) -> bool:
        engine, now = folder.read_engine(), starved()
        if engine is None or engine.host != socket.gethostname() or engine.starved is None or now is None:
            return False
        return now > engine.starved

    def kill(self, folder: RunFolder) -> None:
        engine = folder.read_engine()
        if engine is not None and engine.host == socket.gethostname() and (process := _process(engine)):
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                process.kill()
                process.wait(KILL_SECONDS)


def _start_time(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return time.time()


def _process(engine: EngineProcess) -> psutil.Process | None:
    """The very process that was started: neither a zombie nor another one that got the same number later."""
    try:
        process = psutil.Process(engine.pid)
        same = abs(process.create_time() - engine.started) < SAME_PROCESS_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _age(folder: RunFolder) -> float:
    try:
        return time.time() - folder.heartbeat.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
