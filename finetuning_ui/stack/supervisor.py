"""Keeps child processes alive: starts them, says what happens to them, starts again what dies, ends them in order.

It does not know what they are for.
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from finetuning_ui.stack.process import Process, Program

STEADY = 30.0  # seconds after which a process counts as healthy, and its next death as the first
LONGEST = 10.0  # seconds between two attempts, at most
Say = Callable[[str, str], None]  # a name and what happened to it


class DidNotStart(Exception):
    """A process ended or stayed silent; the text has the end of its log."""


class Kept:
    """A process, and how often it has died lately."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.deaths = 0
        self.again_at: float | None = None  # on the monotonic clock, while it is dead
        self.announced = False


class Supervisor:
    def __init__(self, *, say: Say, folder: Path, logs: Path) -> None:
        self.say = say
        self.folder = folder
        self.logs = logs
        self.kept: dict[str, Kept] = {}
        self.stop_asked = 0

    def listen(self) -> None:
        """From now on Ctrl-C and SIGTERM are wishes that `stop_asked` counts, not interruptions."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._wish)

    def _wish(self, *_: object) -> None:
        self.stop_asked += 1

    def process(self, program: Program) -> Process:
        return Process(program, logs=self.logs, records=self.folder)

    def sweep(self, programs: list[Program]) -> None:
        """End what a stack that was killed has left behind."""
        for program in programs:
            if self.process(program).sweep():
                self.say(program.name, "ended, left over from a stack that was killed")

    def start(self, program: Program, *, seconds: float | None = None) -> None:
        """Start and keep; with `seconds`, wait for it and raise DidNotStart when it does not answer in that time."""
        kept = self.kept[program.name] = Kept(self.process(program))
        kept.process.start()
        if seconds is not None:
            self.wait(program.name, seconds=seconds)

    def wait(self, name: str, *, seconds: float) -> None:
        """Until it answers, or somebody asks to stop. Raises DidNotStart."""
        kept = self.kept[name]
        answered = kept.process.wait_ready(seconds, given_up=lambda: self.stop_asked > 0)
        if not answered and not self.stop_asked:
            raise DidNotStart(f"{name} did not start. The end of {kept.process.log}:\n{kept.process.tail()}")
        if answered:
            self._announce(kept)

    def watch(self) -> None:
        """Start again whatever dies, until somebody asks to stop."""
        while not self.stop_asked:
            for kept in self.kept.values():
                self._look_after(kept)
            time.sleep(0.1)

    def _look_after(self, kept: Kept) -> None:
        process, name = kept.process, kept.process.program.name
        if process.alive:
            if not kept.announced and process.answers():
                self._announce(kept)
        elif kept.again_at is None:
            kept.deaths = 1 if time.time() - process.started > STEADY else kept.deaths + 1
            delay = min(0.2 * 2 ** (kept.deaths - 1), LONGEST)
            kept.again_at = time.monotonic() + delay
            self.say(name, f"{process.how_it_ended()}; starting it again in {delay:.1f} s. Log: {process.log}")
        elif time.monotonic() >= kept.again_at:
            process.clean()
            process.start()
            kept.again_at, kept.announced = None, False

    def _announce(self, kept: Kept) -> None:
        kept.announced = True
        process = kept.process
        how = f"ready after {time.time() - process.started:.1f} s" if process.program.ready else "started"
        self.say(process.program.name, f"{how} (process {process.pid})")

    def stop(self, *names: str) -> None:
        """End these side by side; a second wish to stop means by force."""
        going = [self.kept.pop(name) for name in names if name in self.kept]
        for kept in going:
            kept.process.ask()
        for kept in going:
            kept.process.stop(forced=lambda: self.stop_asked > 1)
            self.say(kept.process.program.name, "stopped")
