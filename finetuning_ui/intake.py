"""What the web server lets in, before anything reads it: no body over its limit, none that stands still, no file from nobody.

Django keeps a whole body on disk before a view runs, so what is too large must be refused here, by its declared length or, when
it has none or lies, as it comes. Limits and words of each address are those of `runs.api.intake`.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from runs.api.intake import door_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

SMALL = frozenset({"application/json", "application/x-www-form-urlencoded"})  # no file, when it is a POST
SLOWEST = 16 * 1024  # bytes a second; what comes slower uses up its patience
READ_ON = 64 << 20, 5.0  # bytes and seconds: a client that still sends would otherwise meet a reset, not its answer


class Refusal(Exception):
    """Why a body is not taken."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Intake:
    """An ASGI application in front of another. Limits are in bytes, `patience` is how many seconds a body may be late.

    `knows` says whether somebody of ours sends a request; it is asked in a thread.
    """

    def __init__(self, app: App, *, small: int, large: int, patience: float, knows: Callable[[ASGIRequest], bool]) -> None:
        self._app, self._small, self._large, self._patience, self._knows = app, small, large, patience, knows

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        most, taken, whole, begun, since = self._most(scope), 0, False, False, time.monotonic()

        async def checked() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()  # only a hang-up can follow
            try:
                message = await asyncio.wait_for(receive(), since + self._patience + taken / SLOWEST - time.monotonic())
            except TimeoutError:
                raise Refusal(408, "The body came too slowly. Send it again.") from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > most:
                raise _too_large(most)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._look_at(scope, most)
            await self._app(scope, checked, noted)
        except Refusal as refusal:
            if not begun:
                await _answer(scope, receive, send, refusal)
        return None

    async def _look_at(self, scope: Message, most: int) -> None:
        """What the headers tell. Who sends is asked here only of a body that could fill a disk."""
        length = _declared(scope)
        if length is not None and length > most:
            raise _too_large(most)
        if most <= self._small or (length is not None and length <= self._small):
            return
        if not await asyncio.to_thread(self._knows, ASGIRequest(scope, BytesIO())):
            raise Refusal(401, "The token is missing, unknown, expired or revoked.")

    def _most(self, scope: Message) -> int:
        media = _header(scope, b"content-type").split(b";")[0].strip().lower().decode("latin-1")
        usual = self._small if media in SMALL and scope["method"] == "POST" else self._large
        most = door_of(f"{scope['method']} {scope['path']}").most
        return usual if most is None else most


def _header(scope: Message, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _declared(scope: Message) -> int | None:
    """The length of the body; None when it comes in chunks and nobody knows."""
    length = _header(scope, b"content-length")
    if length.isdigit():
        return int(length)
    return None if _header(scope, b"transfer-encoding") else 0


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"The body is larger than {most / 2**20:,.0f} MiB.")


async def _answer(scope: Message, receive: Receive, send: Send, refusal: Refusal) -> None:
    """In the shape of the address. The connection is closed: the rest of the body would otherwise have to be read."""
    door = door_of(f"{scope['method']} {scope['path']}")
    body = json.dumps(door.shape(refusal.status, refusal.detail)).encode()
    headers = [(b"content-type", door.media.encode()), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    headers += [(b"x-content-type-options", b"nosniff")]
    headers += [(b"www-authenticate", b'Bearer realm="finetuning-ui"')] if refusal.status == 401 else []
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        await asyncio.wait_for(_read_on(receive), READ_ON[1] if refusal.status != 408 else 0)
    await send({"type": "http.response.body", "body": b""})


async def _read_on(receive: Receive) -> None:
    """Take and forget what still comes, within bounds."""
    left, more = READ_ON[0], True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)
