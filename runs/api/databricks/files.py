"""`/api/2.0/fs/...`: files and directories in volumes, as the Files API has them."""

import json
from pathlib import Path
from urllib.parse import unquote

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import http_date

from runs import wiring
from runs.api.databricks.door import endpoint, refused
from runs.models import User
from runs.services import volumes

CHUNK = 1 << 20  # bytes


@endpoint
def file(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    """GET downloads, HEAD asks, PUT uploads the raw body, DELETE removes."""
    path = "/" + unquote(path)
    match request.method:
        case "GET" | "HEAD":
            found = volumes.existing_file(path)
            response = FileResponse(
                found.open("rb"), as_attachment=True, filename=found.name, content_type="application/octet-stream"
            )
            response.headers["Last-Modified"] = http_date(found.stat().st_mtime)
            return response
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


def _entry(found: Path) -> dict[str, object]:
    inside = found.relative_to(wiring.volumes_root().resolve()).as_posix()
    shown: dict[str, object] = {"path": f"/Volumes/{inside}", "name": found.name}
    shown |= {"is_dir": found.is_dir(), "is_directory": found.is_dir()}
    if found.is_file():
        status = found.stat()
        shown |= {"file_size": status.st_size, "last_modified": int(status.st_mtime * 1_000)}
    return shown
