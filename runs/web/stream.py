"""Server-Sent Events for live pages. A stream holds no database connection: it waits for the hub and reads through it.

A stream ends by itself after some minutes; the browser comes back with its cursor, and is let in, or not, anew.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from runs.models import Run, User
from runs.services import lifecycle
from runs.services.hub import hub
from runs.services.permissions import MethodUnknown, permit
from runs.services.refused import NotFound, Refused
from runs.services.tail import MOST, News

HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
AWAY_SECONDS = 1.0
GATHER_SECONDS = 0.1  # what comes within this time travels together
RETRY = "retry: 2000\n\n"
HEARTBEAT = ": still here\n\n"

Answer = TypeVar("Answer")


async def one_run(request: HttpRequest, name: str) -> HttpResponseBase:
    """`metrics` with new points, its id the cursor; `status` when anything changed; `reload` for who is far behind; `end`."""
    try:
        user = await _person(request)
        if user is None:
            return HttpResponse(status=401)
        run = await _reading(lambda: lifecycle.find(by=user, name=name))
    except Refused as refused:
        return _refusal(refused)
    return _answer(_follow_run(run.pk, _cursor(request)))


async def all_runs(request: HttpRequest) -> HttpResponseBase:
    """`run` with key and status for each run that changed and that this person sees; `refresh` when any may have changed."""
    try:
        user = await _person(request)
    except Refused as refused:
        return _refusal(refused)
    return HttpResponse(status=401) if user is None else _answer(_follow_all(user))


def _refusal(refused: Refused) -> HttpResponse:
    """A stream has no page to say it on."""
    return HttpResponse(status=404 if isinstance(refused, NotFound) else 405 if isinstance(refused, MethodUnknown) else 403)


async def _person(request: HttpRequest) -> User | None:
    user = await request.auser()
    await sync_to_async(close_old_connections)()  # looking up the session took one, for as long as the request lasts
    assert request.resolver_match is not None
    if not isinstance(user, User) or not user.is_active:
        return None
    permit(user, method=request.method or "GET", route=request.resolver_match.route)
    return user


async def _reading(read: Callable[[], Answer]) -> Answer:
    """Read in a thread, and give the connection back at once."""

    def work() -> Answer:
        try:
            return read()
        finally:
            close_old_connections()

    return await sync_to_async(work)()


def _cursor(request: HttpRequest) -> int:
    asked = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0


def _answer(events: AsyncIterator[str]) -> StreamingHttpResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy must not gather events
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


def _event(name: str, data: Any, key: int | None = None) -> str:
    identity = f"id: {key}\n" if key is not None else ""
    return f"{identity}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def _follow_run(pk: int, cursor: int) -> AsyncIterator[str]:
    yield RETRY
    deadline = time.monotonic() + LONGEST_SECONDS
    told: object = None
    with hub().watch(pk) as watch:
        while time.monotonic() < deadline:
            try:
                news = await hub().tail(pk).since(cursor)
            except DatabaseError:  # PostgreSQL is away: what it has to say can wait
                yield HEARTBEAT
                await asyncio.sleep(AWAY_SECONDS)
                continue
            for event in _run_events(news, told):
                yield event
            if news.state is None or news.state.terminal or len(news.points) > MOST:
                return
            cursor, told = news.points[-1].key if news.points else cursor, news.state
            if await watch.changes(HEARTBEAT_SECONDS) is None:
                yield HEARTBEAT
            else:
                await asyncio.sleep(GATHER_SECONDS)


def _run_events(news: News, told: object) -> list[str]:
    if len(news.points) > MOST:
        return [_event("reload", {})]
    events = []
    if news.points:
        rows = [{"kind": point.kind, **point.row} for point in news.points]
        events.append(_event("metrics", rows, news.points[-1].key))
    if news.state is not None and news.state != told:
        events.append(_event("status", asdict(news.state)))
    if news.state is None or news.state.terminal:
        events.append(_event("end", {}))
    return events


async def _follow_all(user: User) -> AsyncIterator[str]:
    yield RETRY
    deadline = time.monotonic() + LONGEST_SECONDS
    with hub().watch() as watch:
        while time.monotonic() < deadline:
            changed = await watch.changes(HEARTBEAT_SECONDS)
            if changed is None:
                yield HEARTBEAT
            elif not changed:
                yield _event("refresh", {})
            else:
                try:
                    yield _event("run", await _reading(lambda keys=changed: _states(user, keys)))  # type: ignore[misc]
                except DatabaseError:
                    continue
                await asyncio.sleep(GATHER_SECONDS * 5)


def _states(user: User, keys: set[int]) -> list[dict[str, Any]]:
    """Key and status of those of the changed runs that this person may know of; a deleted run has no status."""
    rows = Run.objects.visible_to(user).filter(pk__in=keys).values_list("pk", "status", "deleted_at")
    return [{"run": pk, "status": "" if deleted else status} for pk, status, deleted in rows]
