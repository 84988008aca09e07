"""One child process in its own group, with a log file and a record by which a later stack can find what an earlier one left.

It does not know what the child does, nor whether it should be started again.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pydantic import BaseModel

from finetuning_ui.env import inherited

LOG_BYTES = 10 * 1024 * 1024  # a longer log is put aside as .1 at the next start
SET_PDEATHSIG = 1  # from <linux/prctl.h>
libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Program:
    """What to run and how to end it."""

    name: str
    command: list[str]
    ready: Callable[[], bool] | None = None  # None: it counts as ready once it is started
    environ: dict[str, str] = field(default_factory=dict)
    account: tuple[int, int] | None = None  # user and group to run as; only root may change them
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10  # seconds to end in before it is killed


class Record(BaseModel):
    """Which process it was: a number alone may have been given to another one since."""

    pid: int
    started: float  # seconds since the epoch


class Process:
    def __init__(self, program: Program, *, logs: Path, records: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.record = records / f"{program.name}.json"
        self.child: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self) -> int:
        return self.child.pid if self.child else 0

    def answers(self) -> bool:
        return self.alive and (self.program.ready is None or self.program.ready())

    def how_it_ended(self) -> str:
        code = self.child.returncode if self.child else None
        return f"killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with status {code}"

    def tail(self, size: int = 2000) -> str:
        """The last characters of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-size:].strip()

    def start(self) -> None:
        """Must be called from a thread that lives as long as the child shall: the kernel ends the child with it."""
        for path in (self.log, self.record):
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        user, group = self.program.account or (None, None)
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inherited(self.program.environ),
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                preexec_fn=die_with_parent(self.program.stop_signal),
            )
        self.started = time.time()
        _write(self.record, Record(pid=self.child.pid, started=self.started).model_dump_json())

    def wait_ready(self, seconds: float, *, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Whether it answered within that time; False at once when it ended."""
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline and not given_up():
            if self.answers():
                return True
            time.sleep(0.05)
        return False

    def ask(self) -> None:
        """Ask it to end, and do not wait."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                self.child.send_signal(self.program.stop_signal)

    def clean(self) -> None:
        """End what a dead process has left of its group."""
        if self.child is not None:
            _kill_group(self.child.pid)

    def stop(self, *, forced: Callable[[], bool] = lambda: False) -> None:
        """End the whole group: politely, and by force after `patience` or when `forced` says so."""
        if self.child is None:
            return
        self.ask()
        deadline = time.monotonic() + self.program.patience
        while self.alive and time.monotonic() < deadline and not forced():
            time.sleep(0.02)
        _kill_group(self.child.pid)
        self.child.wait()
        self.record.unlink(missing_ok=True)

    def sweep(self) -> bool:
        """End what an earlier stack left behind under this name; whether there was anything."""
        try:
            record = Record.model_validate_json(self.record.read_bytes())
        except FileNotFoundError:
            return False
        found = _members(record)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(self.program.stop_signal)
        _, stubborn = psutil.wait_procs(found, timeout=self.program.patience)
        for process in stubborn:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        self.record.unlink(missing_ok=True)
        return bool(found)


def _write(path: Path, text: str) -> None:
    """At once: whoever reads it, after a kill too, finds the old text or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec, so that a killed supervisor leaves no one behind (Linux only)."""
    return (lambda: libc.prctl(SET_PDEATHSIG, int(stop_signal))) if sys.platform == "linux" else None


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _members(record: Record) -> list[psutil.Process]:
    """The recorded process and the rest of its group, unless the number belongs to a younger process now."""
    with suppress(psutil.NoSuchProcess):
        if psutil.Process(record.pid).create_time() > record.started + 2:  # seconds; the kernel counts in ticks from boot
            return []
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.Error):
            if os.getpgid(process.pid) == record.pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members
