"""What is new about the runs that somebody follows: timeline entries, metric points and statuses, each run with its own cursor.

It knows no HTTP and keeps no connection. What it hands out may be handed out again after a client has come back: entries and
points have keys, so that nobody counts one twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import MetricPoint, Run, RunEvent, User
from runs.services.cursor import Cursor

MOST = 2_000  # points read at once
LOOK_BACK = timedelta(seconds=10)  # how long before the last look a change may have begun


@dataclass(frozen=True, slots=True)
class Piece:
    """Something new about a run: `kind` is status, event, metrics or end."""

    kind: str
    run: str
    thing: Any


@dataclass
class Following:
    """One client: a run, or all that this person sees."""

    user: User
    run: int | None
    cursor: Cursor
    complete: bool = True  # False: there was more to read than was read at once
    _points: dict[int, int] = field(default_factory=dict)
    _events: dict[int, int] = field(default_factory=dict)
    _told: dict[int, tuple[str, str]] = field(default_factory=dict)
    _progress: dict[int, str] = field(default_factory=dict)
    _looked: datetime | None = None

    def __post_init__(self) -> None:
        self._start = self.cursor

    def look(self, changed: set[int] | None = None) -> list[Piece]:
        """News of the runs with these keys, of all that may have changed when nobody knows."""
        now, self.complete = timezone.now(), True
        runs = {run.pk: run for run in self._runs(changed)}
        self._looked = now
        pieces = [*self._statuses(runs.values()), *self._entries(runs), *self._metrics(runs)]
        if self.run and self.complete and (not runs or runs[self.run].is_terminal):
            pieces.append(Piece("end", "", {}))
        return pieces

    def _runs(self, changed: set[int] | None) -> QuerySet[Run]:
        rows = Run.objects.alive().visible_to(self.user)
        if self.run:
            return rows.filter(pk=self.run)
        if changed:
            return rows.filter(pk__in=changed)
        return rows.filter(updated_at__gte=(self._looked or timezone.now()) - LOOK_BACK)

    def _statuses(self, runs: Iterable[Run]) -> Iterator[Piece]:
        for run in runs:
            if self._told.get(run.pk) != (run.status, run.phase):
                self._told[run.pk] = (run.status, run.phase)
                yield Piece("status", run.name, run)

    def _entries(self, runs: dict[int, Run]) -> Iterator[Piece]:
        """New entries, and the one that moves whenever it says something else."""
        after = min((self._events.get(pk, self._start.event) for pk in runs), default=0)
        fresh = RunEvent.objects.filter(run__in=runs, pk__gt=after).exclude(type=EventType.TRAIN_UPDATED).order_by("pk")
        for entry in fresh:
            if entry.pk > self._events.get(entry.run_id, self._start.event):
                self._events[entry.run_id] = entry.pk
                self.cursor = Cursor(self.cursor.point, max(self.cursor.event, entry.pk))
                yield Piece("event", runs[entry.run_id].name, entry)
        for entry in RunEvent.objects.filter(run__in=runs, type=EventType.TRAIN_UPDATED):
            if self._progress.get(entry.run_id) != entry.message:
                self._progress[entry.run_id] = entry.message
                yield Piece("event", runs[entry.run_id].name, entry)

    def _metrics(self, runs: dict[int, Run]) -> Iterator[Piece]:
        for pk, run in runs.items():
            after = self._points.get(pk, self._start.point)
            points = [*MetricPoint.objects.filter(run=run).after(after)[:MOST]]
            self.complete = self.complete and len(points) < MOST
            if points:
                self._points[pk] = points[-1].pk
                self.cursor = Cursor(max(self.cursor.point, points[-1].pk), self.cursor.event)
                yield Piece("metrics", run.name, points)
