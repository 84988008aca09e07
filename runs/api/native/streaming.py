"""Streams of Server-Sent Events for programs: statuses, timeline entries and metric points as they come.

A stream holds no database connection while it waits, ends by itself after ten minutes, and goes on where it was when the client
comes back with Last-Event-ID, as every SSE client does by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.query import Query, read
from runs.api.native.shapes import EventShape, PointShape
from runs.models import MetricPoint, Run, RunEvent
from runs.services import lifecycle
from runs.services.cursor import Cursor
from runs.services.following import Following, Piece
from runs.services.hub import hub

HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
AWAY_SECONDS = 1.0
GATHER_SECONDS = 0.2  # what comes within this time travels together
RETRY = "retry: 2000\n\n"
HEARTBEAT = ": still here\n\n"
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "Each event of the stream; `data` is a JSON object.",
    "properties": {name: {"type": "string"} for name in ("event", "id", "data")},
}
EVENT_STREAM: Any = {(200, "text/event-stream"): EVENT}
LAST = OpenApiParameter(
    "Last-Event-ID",
    {"type": "string"},
    "header",
    description="`id` of the last event that you have: what came after it comes now. Any other text counts as none",
)


class EventStreamRenderer(JSONRenderer):
    """Lets a client ask for text/event-stream; what it renders are refusals alone."""

    media_type = "text/event-stream"
    format = "sse"


@operation("Follow a run", answer=EVENT_STREAM, headers=[LAST], tag="streams")
def stream_run(request: Request, name: str) -> StreamingHttpResponse:
    """From its beginning: `status`, `event` and `metrics` as Server-Sent Events, `end` when it has ended or is deleted."""
    read(request, Query)
    run = lifecycle.find(by=person(request), name=name)
    return _answer(Following(person(request), run.pk, _cursor(request) or Cursor()))


@operation("Follow all runs", answer=EVENT_STREAM, headers=[LAST], tag="streams")
def stream_runs(request: Request) -> StreamingHttpResponse:
    """Of every run that you see, from now on. After coming back, an event may come a second time, under the same keys."""
    read(request, Query)
    cursor = _cursor(request)
    return _answer(Following(person(request), None, cursor.before() if cursor else Cursor.now()))


def _cursor(request: Request) -> Cursor | None:
    return Cursor.read(request.headers.get("Last-Event-ID", ""))


def _answer(following: Following) -> StreamingHttpResponse:
    close_old_connections()  # or this request's would be kept for as long as the stream lasts
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy must not gather events
    return StreamingHttpResponse(_events(following), content_type="text/event-stream", headers=headers)


async def _events(following: Following) -> AsyncIterator[str]:
    yield RETRY
    deadline = time.monotonic() + LONGEST_SECONDS
    changed: set[int] | None = set()
    with hub().watch(following.run) as watch:
        while time.monotonic() < deadline:
            try:
                pieces = await sync_to_async(_look, thread_sensitive=False)(following, changed)
            except DatabaseError:  # PostgreSQL is away: what it has to say can wait
                yield HEARTBEAT
                await asyncio.sleep(AWAY_SECONDS)
                continue
            for piece in pieces:
                yield _written(piece, following.cursor)
            if pieces and pieces[-1].kind == "end":
                return
            if not following.complete:
                continue
            while (changed := await watch.changes(HEARTBEAT_SECONDS)) is None and time.monotonic() < deadline:
                yield HEARTBEAT
            await asyncio.sleep(GATHER_SECONDS)


def _look(following: Following, changed: set[int] | None) -> list[Piece]:
    """In a thread of its own; the connection goes back before the thread does anything else."""
    try:
        return following.look(changed)
    finally:
        close_old_connections()


def _written(piece: Piece, cursor: Cursor) -> str:
    match piece.thing:
        case Run() as run:
            data = {key: getattr(run, key) for key in ("status", "phase", "details", "step", "total_steps", "share_done")}
        case RunEvent() as entry:
            data = {"key": entry.pk, **EventShape.of(entry).model_dump(mode="json")}
        case list() as points:
            data = {"points": [_point(point) for point in points]}
        case _:
            data = {}
    body = orjson.dumps({"run": piece.run, **data} if piece.run else data).decode()
    return f"id: {cursor}\nevent: {piece.kind}\ndata: {body}\n\n"


def _point(point: MetricPoint) -> dict[str, Any]:
    return {"key": point.pk, "kind": point.kind, **PointShape.model_validate(point).model_dump(mode="json")}


run = resource(renderers=[EventStreamRenderer, JSONRenderer], get=stream_run)
runs = resource(renderers=[EventStreamRenderer, JSONRenderer], get=stream_runs)
