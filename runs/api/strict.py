"""JSON bodies of foreign dialects, read strictly: bounded in size and depth, no key twice, nothing PostgreSQL cannot keep."""

import json
from typing import Any

import orjson
from django.http import HttpRequest, UnreadablePostError

from runs.api.native.bodies import holds_nul

MOST_BYTES, MOST_LEVELS = 1 << 20, 32  # no real request has more than six levels


class BadBody(Exception):
    """Not a body that means anything. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_object(request: HttpRequest, most: int = MOST_BYTES) -> dict[str, Any]:
    """The body as one JSON object; an empty body is an empty object."""
    raw = _raw(request, most)
    if not raw.strip():
        return {}
    try:
        value = orjson.loads(raw)  # refuses NaN, bad UTF-8, half characters
        _depth(value)
        json.loads(raw, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadBody("The body must be a JSON object.")
    if holds_nul(value):
        raise BadBody("The body has a NUL character (\\u0000) in a text. Remove it.")
    return value


def _raw(request: HttpRequest, most: int) -> bytes:
    too_large = BadBody(f"The body is larger than {most // 1024:,} KiB.", 413)
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > most:
        raise too_large
    try:
        raw = request.read(most + 1)
    except UnreadablePostError:
        raise BadBody("The body ended early.") from None
    if len(raw) <= most:
        return raw
    raise too_large


def _depth(value: object) -> None:
    waiting = [(value, 1)]  # a stack, no recursion: nesting is the sender's choice
    while waiting:
        inner, level = waiting.pop()
        if level > MOST_LEVELS:
            raise BadBody(f"The body is nested deeper than {MOST_LEVELS} levels.")
        within = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ()
        waiting.extend((item, level + 1) for item in within)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise BadBody(f"The key “{twice[:100]}” is there twice.")
    return found
