"""Run folders on tiny models and small real files, and engines as real processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runs.contract.events import Checkpoint, Exit, Line, Step, parse_line
from runs.contract.folder import RunFolder
from runs.contract.inputs import DataFile, Device, ModelSource
from runs.contract.spec import Hyperparameters, RunSpec, TaskType
from tests.tiny import MAX_CONTEXT, tiny_model

Row = dict[str, Any]
PATIENCE = 120  # seconds that an engine may take for anything here, on a busy machine


def chats(count: int, *, start: int = 0) -> list[Row]:
    """Short conversations of mixed length."""
    return [
        {"messages": [
            {"role": "user", "content": f"Which team? The printer {number} is out of paper. " * (1 + number * 7 % 5)},
            {"role": "assistant", "content": f'{{"team": "hardware", "printer": {number}}}'},
        ]}
        for number in range(start, start + count)
    ]  # fmt: skip


def instructions(count: int) -> list[Row]:
    return [{"prompt": f"Count to {number}: ", "response": " ".join(map(str, range(1, number + 2)))} for number in range(count)]


def texts(count: int) -> list[Row]:
    return [{"text": f"Chapter {number}. It rains, and the network is down. " * 4} for number in range(count)]


def data_file(path: Path, rows: Sequence[Row]) -> DataFile:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return DataFile(path=path, digest=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}", rows=len(rows), name=path.stem)


def make_run(
    path: Path,
    rows: Sequence[Row],
    *,
    task: TaskType = TaskType.CHAT_COMPLETION,
    held_out: Sequence[Row] = (),
    prompts: tuple[str, ...] = (),
    model: Path | None = None,
    custom_weights: Path | None = None,
    recovery_minutes: float = 10,
    **settings: Any,
) -> RunFolder:
    """A run folder as the web writes it. `settings` are hyperparameters."""
    folder = RunFolder(path)
    folder.create()
    asked = {"learning_rate": 3e-3, "context_length": 256, "batch_size": 4, "training_duration": "12ba", **settings}
    folder.write_spec(
        RunSpec(
            name=path.name,
            task_type=task,
            base_model=ModelSource(name="tiny/Tiny-Instruct", path=model or tiny_model(), max_context_length=MAX_CONTEXT),
            train=data_file(path / "train.jsonl", rows),
            evaluation=data_file(path / "held-out.jsonl", held_out) if held_out else None,
            eval_prompts=prompts,
            hyperparameters=Hyperparameters(**asked),
            custom_weights_path=custom_weights,
            device=Device(threads=1),
            recovery_minutes=recovery_minutes,
        )
    )
    return folder


def lines(folder: RunFolder) -> list[Line]:
    """Everything the engine said, whole lines only."""
    said = folder.events.read_bytes() if folder.events.exists() else b""
    return [parse_line(line) for line in said[: said.rfind(b"\n") + 1].splitlines()]


def losses(folder: RunFolder) -> dict[int, float]:
    """Loss by step; the last word on a step counts, as it does for the web."""
    return {line.step: line.loss for line in lines(folder) if isinstance(line, Step)}


class Engine:
    """A real engine process on a folder."""

    def __init__(self, folder: RunFolder, **options: Any) -> None:
        self.folder = folder
        self._log = folder.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runs.engine", str(folder.path)],
            stdout=self._log,
            stderr=self._log,
            env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
            **options,
        )

    def wait_for(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.002)

    def wait_for_step(self, step: int) -> None:
        self.wait_for(lambda: max(losses(self.folder), default=0) >= step)

    def wait_for_checkpoint(self, step: int) -> None:
        self.wait_for(lambda: any(isinstance(line, Checkpoint) and line.step >= step for line in lines(self.folder)))

    def kill(self) -> None:
        """As a machine out of memory does: no last words."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def end(self) -> Exit:
        """Wait for it, and return its last word."""
        self.process.wait(PATIENCE)
        self._log.close()
        said = self.folder.read_exit()
        assert said is not None, self.log
        return said

    @property
    def log(self) -> str:
        return self.folder.log.read_text()


def train(folder: RunFolder) -> Exit:
    """The same engine inside the test's process, for tests that end no process: it saves the seconds that imports take."""
    import torch
    from transformers import PreTrainedModel  # noqa: F401  before the engine hides what transformers may have found already

    from runs.engine.__main__ import train as run
    from runs.engine.wishes import Wishes

    torch.set_num_threads(1)  # as the specification says; an engine of its own reads it before torch is there
    return run(folder, Wishes(folder))
