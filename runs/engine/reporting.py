"""What the engine says: lines of `events.jsonl`, each written with one call, so that a reader sees whole lines only."""

import errno
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from runs.contract.events import EventType, Line, Milestone, Phase, Progress

PROGRESS_SECONDS = 0.5  # between two lines of counted progress
log = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


class Reporter:
    """Appends events. After an interruption it says no milestone a second time."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        said = _cut_torn_end(path, self._file)
        self.goes_on = bool(said)
        self._milestones = {kind for kind in EventType if f'"type":"{kind.value}"'.encode() in said}
        self._last_progress = 0.0

    def say(self, line: Line) -> None:
        """Raises OSError where the disk is full; then nothing of the line is there."""
        said = line.model_dump_json().encode() + b"\n"
        written = os.write(self._file, said)
        if written < len(said):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def milestone(self, event: EventType, message: str) -> None:
        log.info("%s: %s", event.value, message)
        if event not in self._milestones:
            self._milestones.add(event)
            self.say(Milestone(time=now(), type=event, message=message))

    def progress(self, phase: Phase, doing: str, done: int, total: int, unit: str) -> None:
        """Counted progress, at most twice a second; the last of a phase is always said."""
        if done < total and time.monotonic() - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = time.monotonic()
        self.say(Progress(time=now(), phase=phase, doing=doing, done=done, total=total, unit=unit))


def _cut_torn_end(path: Path, file: int) -> bytes:
    """Drop a last line without a newline, which no reader has taken, and return the milestone lines before it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.ftruncate(file, whole)
    return b"\n".join(line for line in content[:whole].splitlines() if b'"kind":"milestone"' in line)
