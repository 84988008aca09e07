"""Files on their way out. Django reads a plain iterator to its end before an ASGI server gets the first byte of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from django.http import StreamingHttpResponse
from django.utils.http import http_date

CHUNK = 1 << 20  # bytes


def sent(path: Path, *, filename: str = "", start: int = 0, end: int | None = None) -> StreamingHttpResponse:
    """The bytes of a file from `start` up to `end`, a chunk at a time; a file of any size takes one chunk of memory."""
    status = path.stat()
    stop = status.st_size if end is None else min(end, status.st_size)
    response = StreamingHttpResponse(_chunks(path, start, stop), content_type="application/octet-stream")
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename or path.name)}"
    response.headers["Last-Modified"] = http_date(status.st_mtime)
    return response


async def _chunks(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, start)
        while start < stop and (chunk := await asyncio.to_thread(file.read, min(CHUNK, stop - start))):
            start += len(chunk)
            yield chunk
    finally:
        file.close()
