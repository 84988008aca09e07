"""`/api/2.0/fs/...`: files and directories in volumes, as the Files API has them."""

import json
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import http_date

from runs.api.databricks.door import endpoint, refused
from runs.api.sending import streamed
from runs.data.sources.places import Entry
from runs.models import User
from runs.services import volumes

CHUNK = 1 << 20  # bytes


@endpoint
def file(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    """GET downloads, HEAD asks, PUT uploads the raw body, DELETE removes."""
    path = "/" + unquote(path)
    match request.method:
        case "HEAD":
            found = volumes.existing_file(path)
            modified, size = http_date(found.modified), str(found.bytes)
            return HttpResponse(
                headers={"Last-Modified": modified, "Content-Length": size, "Content-Type": "application/octet-stream"}
            )
        case "GET":
            found = volumes.existing_file(path)
            return streamed(volumes.read(found), size=found.bytes, filename=found.name, modified=found.modified)
        case "PUT":
            overwrite = request.GET.get("overwrite", "false").lower() == "true"
            volumes.write(path=path, chunks=iter(lambda: request.read(CHUNK), b""), by=user, overwrite=overwrite)
        case "DELETE":
            volumes.remove(path=path, by=user)
        case _:
            return refused("BAD_REQUEST", "Use GET, HEAD, PUT or DELETE.", 405)
    return HttpResponse(status=204)


@endpoint
def directory(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    """GET lists, HEAD asks, PUT makes it with its parents, DELETE removes an empty one."""
    path = "/" + unquote(path)
    match request.method:
        case "GET":
            return JsonResponse({"contents": [_entry(entry) for entry in volumes.listing(path)]})
        case "HEAD":
            volumes.existing_folder(path)
            return HttpResponse(status=200)
        case "PUT":
            volumes.make_folder(path=path, by=user)
        case "DELETE":
            volumes.remove_folder(path=path, by=user)
        case _:
            return refused("BAD_REQUEST", "Use GET, HEAD, PUT or DELETE.", 405)
    return HttpResponse(status=204)


@endpoint
def listing(request: HttpRequest, user: User) -> HttpResponseBase:
    """The older list call. The client sends its path in the body of a GET."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = {}
    path = request.GET.get("path") or (body.get("path") if isinstance(body, dict) else None) or ""
    return JsonResponse({"files": [_entry(entry) for entry in volumes.listing(str(path))]})


def _entry(found: Entry) -> dict[str, object]:
    shown: dict[str, object] = {"path": "/".join(("/Volumes", *found.parts)), "name": found.name}
    shown |= {"is_dir": found.is_folder, "is_directory": found.is_folder}
    if not found.is_folder:
        shown |= {"file_size": found.bytes, "last_modified": int(found.modified * 1_000)}
    return shown
