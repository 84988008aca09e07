"""What may come in: JSON objects, read strictly, and files.

Knows nothing of what a body means. PostgreSQL keeps no NUL in text, so none is let in, at any depth.
"""

import json
from collections.abc import Mapping
from typing import IO, Any, TypeVar, cast

import orjson
from django.conf import settings
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from runs.api.native.errors import TooLarge
from runs.services.refused import invalid

Body = TypeVar("Body", bound=BaseModel)


def read_json(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object; NaN, invalid UTF-8, lone surrogates, repeated keys and deep nesting are no JSON here."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error}.") from None
    _refuse_repeated_keys(raw)
    if not isinstance(value, dict):
        raise ParseError('The body must be a JSON object, as in {"model": "..."}.')
    if holds_nul(value):
        raise ParseError("The body has a NUL character (\\u0000) in a text. Remove it.")
    return value


def _refuse_repeated_keys(raw: bytes) -> None:
    """Which of two values would count is anybody's guess; orjson takes the last one without a word."""

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise ParseError(f"The key “{repeated[:80]}” is there more than once.")
        return made

    try:
        json.loads(raw, object_pairs_hook=paired)
    except RecursionError:
        raise ParseError("The body is nested too deep.") from None


def holds_nul(value: object) -> bool:
    """Whether any text within has a NUL. A stack instead of recursion: nesting is the sender's choice."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text) if "\x00" in text:
                return True
            case Mapping() as mapping:
                waiting.extend([*mapping.keys(), *mapping.values()])
            case list() as items:
                waiting.extend(items)
    return False


class StrictJSONParser(BaseParser):
    """A JSON object of bounded size. An empty body counts as an empty object."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> dict[str, Any]:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(most + 1)
        if len(raw) > most:
            raise TooLarge(f"The body is over {most // 2**20} MiB. Send rows as a data set instead.")
        return read_json(raw) if raw.strip() else {}


class _RawParser(BaseParser):
    """Hands the stream on, unread: a data set may be larger than memory."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> Any:
        return stream


def _raw(media: str) -> type[_RawParser]:
    return type("RawParser", (_RawParser,), {"media_type": media})


RAW_TYPES = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines", "application/octet-stream", "text/plain")
RAW_PARSERS = [_raw(media) for media in RAW_TYPES]


def json_of(request: Request) -> dict[str, Any]:
    """What `StrictJSONParser` has read, or an empty object for a body that was not sent."""
    return cast(dict[str, Any], request.data)


def read_body(model: type[Body], request: Request) -> Body:
    """The request's JSON object as `model`; raises Invalid with every problem at its field."""
    try:
        return model.model_validate(json_of(request))
    except ValidationError as error:
        raise invalid(error) from None
