"""One LISTEN connection for all live pages of this process, and the newest points of each watched run, read once for all.

It does not know HTTP. When PostgreSQL goes away it waits until it is back, and then wakes everybody: a nudge may be lost.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections

from runs.services.tail import Tail
from runs.services.timeline import CHANNEL

log = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0  # seconds between attempts to reach PostgreSQL
ALIVE_SECONDS = 20.0  # a connection that was silent so long is asked whether it still is one


class Watch:
    """What one client waits for: a run, or (None) all of them."""

    def __init__(self, run: int | None) -> None:
        self.run = run
        self._changed: set[int] = set()
        self._event = asyncio.Event()

    def wake(self, run: int | None) -> None:
        """None: something may have changed, and nobody knows what."""
        if run is not None:
            self._changed.add(run)
        self._event.set()

    async def changes(self, seconds: float) -> set[int] | None:
        """Keys of runs that changed since the last call; empty when any may have; None after `seconds` of silence."""
        try:
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 can lose the cancellation of a page that was left
                await self._event.wait()
        except TimeoutError:
            return None
        self._event.clear()
        changed, self._changed = self._changed, set()
        return changed


class Hub:
    """Lives on one event loop; the connection stands while somebody watches."""

    def __init__(self) -> None:
        self._watches: defaultdict[int | None, set[Watch]] = defaultdict(set)
        self._tails: dict[int, Tail] = {}
        self._listener: asyncio.Task[None] | None = None
        self._is_listening = False

    @contextmanager
    def watch(self, run: int | None = None) -> Iterator[Watch]:
        """Its first change comes when every later one will be heard: what a page showed before then may be old."""
        watch = Watch(run)
        if self._is_listening:
            watch.wake(None)
        self._watches[run].add(watch)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen_always())
        try:
            yield watch
        finally:
            self._leave(watch)

    def _leave(self, watch: Watch) -> None:
        self._watches[watch.run].discard(watch)
        if not self._watches[watch.run]:
            del self._watches[watch.run]
            self._tails.pop(watch.run or 0, None)
        if not self._watches and self._listener is not None:
            self._listener.cancel()
            self._listener = None
            self._is_listening = False

    def tail(self, run: int) -> Tail:
        """The newest points of a run that somebody watches."""
        return self._tails.setdefault(run, Tail(run))

    async def _listen_always(self) -> None:
        pause = 0.2
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_address(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    pause = 0.2
                    self._is_listening = True
                    self._wake_all()
                    await self._listen(connection)
            except (psycopg.Error, OSError) as error:
                self._is_listening = False
                log.warning("live pages lost PostgreSQL, next attempt in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            async for nudge in connection.notifies(timeout=ALIVE_SECONDS):
                self._told(nudge.payload)
            await connection.execute("SELECT 1")

    def _told(self, payload: str) -> None:
        try:
            run = int(json.loads(payload)["run"])
        except (ValueError, KeyError, TypeError):
            log.warning("a nudge that nobody understands: %r", payload[:200])
            return
        if run in self._tails:
            self._tails[run].is_stale = True
        for watch in (*self._watches.get(run, ()), *self._watches.get(None, ())):
            watch.wake(run)

    def _wake_all(self) -> None:
        for tail in self._tails.values():
            tail.is_stale = True
        for watches in self._watches.values():
            for watch in watches:
                watch.wake(None)


def _address() -> dict[str, Any]:
    """Django's own connection parameters, less what only its synchronous cursors understand."""
    parameters = connections["default"].get_connection_params()
    return {key: value for key, value in parameters.items() if key not in ("context", "cursor_factory", "prepare_threshold")}


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of this event loop: one in a web process, one a test in tests."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [other for other in _hubs if other.is_closed()]:
            del _hubs[closed]
        _hubs[loop] = Hub()
    return _hubs[loop]
