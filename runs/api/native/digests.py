"""What a request asks for, named by a digest of its query and its body, whatever kind of body that is."""

import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.request import Request


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


def digest_of(request: Request) -> Callable[[], str]:
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
