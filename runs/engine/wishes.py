"""What others want of a running engine: a person's `stop` or `pause` file, and the machine's SIGTERM."""

import signal
from types import FrameType

from runs.contract.events import Outcome
from runs.contract.folder import RunFolder
from runs.engine.failure import Leave


class Wishes:
    """Polled between units of work: a batch of rows, a step; SIGTERM also between layers."""

    def __init__(self, folder: RunFolder) -> None:
        self._stop, self._pause = folder.stop, folder.pause
        self.interrupted = False

    def listen(self) -> None:
        """Note SIGTERM and Ctrl-C instead of dying of them. Call from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    @property
    def stopped(self) -> bool:
        return self._stop.exists()

    def outcome(self) -> Outcome | None:
        """How to leave, if at all. A person's wish goes before the machine's."""
        if self.stopped:
            return Outcome.STOPPED
        return Outcome.INTERRUPTED if self.interrupted or self._pause.exists() else None

    def check(self) -> None:
        """Raise Leave when somebody asked for it."""
        if outcome := self.outcome():
            raise Leave(outcome)

    def check_interrupted(self) -> None:
        """Raise Leave at a SIGTERM only: a person's stop waits for the end of the step."""
        if self.interrupted:
            raise Leave(Outcome.INTERRUPTED)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
