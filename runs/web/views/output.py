"""What a run has left on disk, to download."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from runs.services import lifecycle, outputs
from runs.web.door import page, person

CHUNK = 1 << 16  # bytes


@page
def log(request: HttpRequest, name: str) -> HttpResponseBase:
    run = lifecycle.find(by=person(request), name=name)
    headers = {"Content-Disposition": f'attachment; filename="{run.name}.log.txt"'}
    return StreamingHttpResponse(_chunks(outputs.log_file(run)), content_type="text/plain; charset=utf-8", headers=headers)


@page
def specification(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    text = outputs.full_specification(run).model_dump_json(indent=2)
    headers = {"Content-Disposition": f'attachment; filename="{run.name}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    """A log may be long and still grow; the server's loop must not wait for the disk."""
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
