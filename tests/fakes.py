"""Stand-ins that behave like the real thing, as far as a run folder shows it. Checked against it in tests/app/test_fakes.py."""

import os
import socket
import time
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from runs.contract.events import Checkpoint, EventType, Exit, Fault, Line, Milestone, Outcome, Plan, Step
from runs.contract.folder import EngineProcess, RunFolder
from runs.execution.launcher import LaunchFailed


@dataclass
class FakeEngine:
    """What an engine does to its folder, done when the test says so."""

    folder: RunFolder
    alive: bool = True
    asked_to_leave: bool = False
    starved: bool = False

    def says(self, *lines: Line) -> None:
        with self.folder.events.open("a", encoding="utf-8") as file:
            file.writelines(line.model_dump_json() + "\n" for line in lines)

    def trains(self, *, first: int = 1, last: int = 3, of: int = 4, loss: float = 2.0) -> None:
        """The lines of steps `first` to `last`, with everything that comes before the first step."""
        now = timezone.now()
        if first == 1:
            self.says(
                Milestone(time=now, type=EventType.DATA_VALIDATED, message="Data validated."),
                Plan(time=now, total_steps=of, steps_per_epoch=of // 2 or 1, total_tokens=of * 100, rows=20),
                Milestone(time=now, type=EventType.MODEL_INITIALIZED, message="Model loaded."),
                Milestone(time=now, type=EventType.TRAIN_STARTED, message="Training started."),
            )
        self.says(*(self.step(number, of=of, loss=loss / number) for number in range(first, last + 1)))

    @staticmethod
    def step(number: int, *, of: int = 4, loss: float = 1.0) -> Step:
        return Step(
            time=timezone.now() + timedelta(milliseconds=number),
            step=number,
            epoch=number / of,
            tokens=number * 100,
            loss=loss,
            learning_rate=1e-4,
            gradient_norm=1.0,
            tokens_per_second=50.0,
            seconds_left=(of - number) * 2.0,
        )

    def keeps_checkpoint(self, name: str, step: int) -> None:
        (self.folder.checkpoints / name).mkdir(parents=True, exist_ok=True)
        self.says(Checkpoint(time=timezone.now(), name=name, step=step, epoch=0.5, bytes=10, digest="sha256:00"))

    def ends(self, outcome: Outcome, *, step: int = 0, fault: Fault | None = None, message: str = "", advice: str = "") -> None:
        """The last word is written before the process is gone."""
        word = Exit(outcome=outcome, time=timezone.now(), step=step, fault=fault, message=message, advice=advice)
        self.folder.write_exit(word)
        self.alive = False

    def is_killed(self, *, starved: bool = False) -> None:
        self.alive, self.starved = False, starved


@dataclass
class FakeLauncher:
    """Starts no process; `broken` is the reason why none can be started."""

    engines: dict[str, FakeEngine] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    broken: str = ""

    def start(self, folder: RunFolder) -> None:
        if self.broken:
            raise LaunchFailed(self.broken)
        if not folder.path.is_dir():
            raise LaunchFailed("The training process could not be started: No such file or directory.")
        folder.log.touch()
        folder.write_engine(EngineProcess(host=socket.gethostname(), pid=os.getpid(), started=time.time()))
        self.engines[folder.path.name] = FakeEngine(folder)
        self.started.append(folder.path.name)

    def is_alive(self, folder: RunFolder) -> bool:
        engine = self.engines.get(folder.path.name)
        return engine is not None and engine.alive and folder.read_engine() is not None

    def interrupt(self, folder: RunFolder) -> None:
        if self.is_alive(folder):
            self.engines[folder.path.name].asked_to_leave = True

    def was_starved(self, folder: RunFolder) -> bool:
        engine = self.engines.get(folder.path.name)
        return engine is not None and engine.starved

    def kill(self, folder: RunFolder) -> None:
        if self.is_alive(folder):
            self.engines[folder.path.name].is_killed()
