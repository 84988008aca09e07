"""`Idempotency-Key`: a create that is sent again with the same key gets the first answer again, and creates nothing."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, cast

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponseBase, QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.auth import person
from runs.services.once import Answer, once
from runs.services.refused import Invalid

Handler = Callable[..., HttpResponseBase]
MOST = 200  # characters
PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MOST, "pattern": "^[!-~]*$"},
    "header",
    description="Your own name for this request: sent again within 24 hours, it gets the first answer and creates nothing",
)


def key_of(request: Request) -> str:
    """The request's key, empty when it has none."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MOST or not all("!" <= character <= "~" for character in key):
        raise Invalid(f"An Idempotency-Key has at most {MOST} printable ASCII characters.", field="Idempotency-Key")
    return key


class Hashed:
    """A stream that can name what was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self._hash.update(chunk)
        return chunk

    def digest(self) -> str:
        """Of all of it: what nobody has read yet is read now."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()


def repeatable(handler: Handler) -> Handler:
    """A handler that creates something, made to create it once for each key."""

    @wraps(handler)
    def keyed(request: Request, **path: str) -> HttpResponseBase:
        key = key_of(request)
        if not key:
            return handler(request, **path)
        digest = _digest(request)

        def make() -> Answer:
            made = cast(Response, handler(request, **path))
            return Answer(made.status_code, orjson.dumps(made.data).decode(), made.headers.get("Location", ""))

        return _shown(once(by=person(request), operation=handler.__name__, key=key, digest=digest, make=make))

    return keyed


def _shown(answer: Answer) -> Response:
    response = Response(orjson.loads(answer.body), answer.status)
    response.headers["Cache-Control"] = "no-store"
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _digest(request: Request) -> Callable[[], str]:
    """How to name what this request asks for: its query and its body, whatever kind of body that is."""
    body: Any = request.data
    if isinstance(body, QueryDict):
        return lambda: _sha256(request, *(_field(key, body[key]) for key in sorted(body)))
    if isinstance(body, dict):
        return lambda: _sha256(request, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
    stream = Hashed(cast(BinaryIO, body))
    request._full_data = stream  # type: ignore[attr-defined]  # what `request.data` gives: no other way to wrap it
    return lambda: _sha256(request, stream.digest().encode())


def _field(name: str, value: Any) -> bytes:
    if isinstance(value, UploadedFile):
        value.seek(0)
        content = hashlib.file_digest(cast(Any, value), "sha256").hexdigest()
        return orjson.dumps([name, value.name, content])
    return orjson.dumps([name, value])


def _sha256(request: Request, *parts: bytes) -> str:
    query = orjson.dumps(sorted(request.query_params.dict().items()))
    return hashlib.sha256(b"\n".join([query, *parts])).hexdigest()
