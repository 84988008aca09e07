"""What the web server lets in, before anything reads it: no body over its limit, none that stands still.

Django keeps a whole body on disk before a view runs, so what is too large must be refused here, by its declared length or, when
it has none or lies, as it comes. It knows no addresses..
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

SMALL = frozenset({"application/json", "application/x-www-form-urlencoded"})  # no file, when it is a POST
SLOWEST = 16 * 1024  # bytes a second; what comes slower uses up its patience


class Refusal(Exception):
    """Why a body is not taken."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class Intake:
    """An ASGI application in front of another. Limits are in bytes, `patience` is how many seconds a body may be late."""

    def __init__(self, app: App, *, small: int, large: int, patience: float) -> None:
        self._app, self._small, self._large, self._patience = app, small, large, patience

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
                raise Refusal(408, "too_slow", "The body came too slowly. Send it again.") from None
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
            if _declared(scope) > most:
                raise _too_large(most)
            await self._app(scope, checked, noted)
        except Refusal as refusal:
            if not begun:
                await _answer(send, refusal)
        return None

    def _most(self, scope: Message) -> int:
        media = _header(scope, b"content-type").split(b";")[0].strip().lower().decode("latin-1")
        return self._small if media in SMALL and scope["method"] == "POST" else self._large


def _header(scope: Message, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _declared(scope: Message) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"The body is over {most / 2**20:,.0f} MiB.")


async def _answer(send: Send, refusal: Refusal) -> None:
    """A problem document; the connection is closed, as the rest of the body would otherwise have to be read."""
    document = {
        "type": f"/api/v1/docs#{refusal.code}", "title": refusal.code.replace("_", " ").capitalize(), "status": refusal.status,
        "code": refusal.code, "detail": refusal.detail, "field": "", "problems": [],
        "error_code": "INVALID_PARAMETER_VALUE", "message": refusal.detail,  # the original service's clients read these two
    }  # fmt: skip
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
