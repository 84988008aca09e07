"""The newest points of a run and where it stands, read once however many clients watch it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from runs.models import MetricPoint, Run
from runs.services import series

KEPT = 2_000  # points held in memory for each watched run
MOST = 5_000  # a client further behind draws its chart anew instead


@dataclass(frozen=True, slots=True)
class Point:
    key: int
    kind: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """Enough for a page to know which of its parts are old."""

    status: str
    phase: str
    terminal: bool
    updated: str
    events: int
    samples: int


@dataclass(slots=True)
class News:
    points: list[Point]
    state: State | None = None  # None: the run was deleted


@dataclass
class Tail:
    run: int
    is_stale: bool = True
    _points: deque[Point] = field(default_factory=lambda: deque(maxlen=KEPT))
    _floor: int | None = None  # every point with a larger key is held; None before the first read
    _state: State | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def since(self, cursor: int) -> News:
        """Points after `cursor` and the present state; more than MOST points are cut off there."""
        async with self._lock:
            if self.is_stale:
                self.is_stale = False  # before reading: a nudge that comes meanwhile must count
                try:
                    await self._catch_up(cursor)
                except BaseException:
                    self.is_stale = True
                    raise
            if self._floor is not None and cursor >= self._floor:
                return News([point for point in self._points if point.key > cursor], self._state)
        return await read(self.run, cursor)

    async def _catch_up(self, cursor: int) -> None:
        held = self._points[-1].key if self._points else self._floor
        news = await read(self.run, cursor if held is None else held)
        self._state = news.state
        if len(news.points) > MOST:
            self._points.clear()
            self._floor = None
            return
        self._floor = cursor if self._floor is None else self._floor
        for point in news.points:
            if len(self._points) == KEPT:
                self._floor = self._points[0].key
            self._points.append(point)


def _read(pk: int, cursor: int) -> News:
    """In a thread of its own; the connection goes back before the thread does anything else."""
    try:
        run = Run.objects.alive().filter(pk=pk).first()
        if run is None:
            return News([])
        start = series.origin(run)
        points = [
            Point(point.pk, point.kind, series.row(point, start))
            for point in MetricPoint.objects.filter(run=run).after(cursor)[: MOST + 1]
        ]
        state = State(
            status=run.status,
            phase=run.phase,
            terminal=run.is_terminal,
            updated=run.updated_at.isoformat(),
            events=run.events.count(),
            samples=run.samples.count(),
        )
        return News(points, state)
    finally:
        close_old_connections()


async def read(pk: int, cursor: int) -> News:
    return await sync_to_async(_read, thread_sensitive=False)(pk, cursor)
