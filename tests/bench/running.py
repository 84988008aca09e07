"""Our engine as the product starts it: a run folder, a process, and what it cost."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runs.contract.events import Exit, Line, Plan, Step, parse_line
from runs.contract.folder import RunFolder
from runs.contract.inputs import DataFile, Device, ModelSource
from runs.contract.spec import Hyperparameters, RunSpec, TaskType
from runs.data.rows import Row, write_row


@dataclass(frozen=True)
class Asked:
    """A run to be measured. `settings` are hyperparameters."""

    model: Path
    name: str
    rows: Sequence[Row]
    task: TaskType = TaskType.CHAT_COMPLETION
    threads: int = 1
    max_context_length: int = 8_192
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """How a run went. Seconds are those of this machine; `cpu_seconds` of the process and all its threads."""

    folder: RunFolder
    end: Exit
    lines: list[Line]
    started: float  # epoch
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def steps(self) -> list[Step]:
        return [line for line in self.lines if isinstance(line, Step)]

    @property
    def plan(self) -> Plan:
        return next(line for line in self.lines if isinstance(line, Plan))

    @property
    def tokens(self) -> int:
        return self.steps[-1].tokens if self.steps else 0


def write_run(path: Path, asked: Asked) -> RunFolder:
    """The run folder as the web writes it."""
    folder = RunFolder(path)
    folder.create()
    data = path / "train.jsonl"
    with data.open("wb") as file:
        for row in asked.rows:
            file.write(write_row(row))
    spec = RunSpec(
        name=path.name,
        task_type=asked.task,
        base_model=ModelSource(name=asked.name, path=asked.model.resolve(), max_context_length=asked.max_context_length),
        train=DataFile(path=data, digest=f"sha256:{hashlib.sha256(data.read_bytes()).hexdigest()}", rows=len(asked.rows)),
        hyperparameters=Hyperparameters(**asked.settings),
        device=Device(threads=asked.threads),
    )
    folder.write_spec(spec)
    return folder


def run_engine(path: Path, asked: Asked) -> Finished:
    """Train; return when the process has ended. The peak is the kernel's own count of resident memory."""
    return start_engine(write_run(path, asked))


def start_engine(folder: RunFolder) -> Finished:
    """`run_engine`, on a folder that is written."""
    command = [sys.executable, "-m", "runs.engine", str(folder.path)]
    started, clock = time.time(), time.monotonic()
    with folder.log.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, _status, usage = os.wait4(process.pid, 0)
    end = folder.read_exit()
    if end is None:
        raise RuntimeError(folder.log.read_text()[-4_000:])
    lines = [parse_line(line) for line in folder.events.read_bytes().splitlines()] if folder.events.exists() else []
    seconds = time.monotonic() - clock
    return Finished(folder, end, lines, started, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
