"""Files on their way out. Django reads a plain iterator to its end before an ASGI server gets the first byte of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from django.http import StreamingHttpResponse
from django.utils.http import http_date

CHUNK = 1 << 20  # bytes


def streamed(file: BinaryIO, *, size: int, filename: str, modified: float) -> StreamingHttpResponse:
    """An open file, wherever it lies, a chunk at a time; it is closed at the end. `modified` is seconds since the epoch."""
    response = StreamingHttpResponse(_pieces(file, size), content_type="application/octet-stream")
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
    response.headers["Last-Modified"] = http_date(modified)
    return response


def sent(path: Path, *, filename: str = "") -> StreamingHttpResponse:
    """A file of this machine."""
    status = path.stat()
    return streamed(path.open("rb"), size=status.st_size, filename=filename or path.name, modified=status.st_mtime)


async def _pieces(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """As many bytes as were promised, even if the file grows meanwhile."""
    try:
        while size > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, size))):
            size -= len(chunk)
            yield chunk
    finally:
        file.close()
