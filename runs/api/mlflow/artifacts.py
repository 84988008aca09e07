"""Artifacts, streamed both ways: MLflow's artifact service, signed addresses, and a workspace's folder of artifacts.

A plain client speaks to MLflow's artifact service. One that takes us for a workspace asks for signed addresses (mlflow 2) or
goes to `/WorkspaceInternal/Mlflow/Artifacts` by the Files API (mlflow 3).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote

import httpx
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from runs import wiring
from runs.api.databricks.door import endpoint, refused
from runs.api.mlflow import checkpoints
from runs.api.mlflow.call import Call, Params, found
from runs.api.mlflow.paths import Place, safe
from runs.api.sending import sent
from runs.models import User
from runs.services.refused import Invalid, NotAllowed, NotFound
from runs.services.sight import is_ours

CHUNK = 1 << 20  # bytes
FILE = {"Content-Disposition": "attachment"}  # what people put here is shown by no browser
SERVICE = "/api/2.0/mlflow-artifacts/artifacts"
SIGNED_SECONDS = 15 * 60
SALT = "mlflow artifact"
RUN = re.compile(r"[0-9a-f]{32}")
SIGNED = "/api/2.0/mlflow-artifacts/signed/"


def call_of(request: HttpRequest, user: User) -> Call:
    return Call(user, request.method or "", "", {}, databricks=False)


@endpoint
def listing(request: HttpRequest, user: User) -> HttpResponseBase:
    place = Place.read(request.GET.get("path", ""))
    place.must_be_seen(call_of(request, user))
    return JsonResponse({"files": _files(call_of(request, user), place)})


def _files(call: Call, place: Place) -> list[Params]:
    """Names within the folder, as MLflow's artifact service gives them."""
    kept = checkpoints.listed(call, place.run, place.inside) if place.run else None
    if kept is not None:
        return [{**file, "path": file["path"].rpartition("/")[2]} for file in kept["files"]]
    answer = wiring.mlflow_rest().raw("GET", SERVICE, params={"path": place.path})
    files = list(answer.json().get("files", [])) if answer.is_success else []
    return files if place.inside else [*files, *checkpoints.at_root(call, place.run)]


@endpoint
def by_run(request: HttpRequest, user: User) -> HttpResponseBase:
    """As MLflow's own pages load a file: `/get-artifact?run_uuid=…&path=…`."""
    call, run = call_of(request, user), request.GET.get("run_id") or request.GET.get("run_uuid") or ""
    found(bool(RUN.fullmatch(run)) and call.sight.sees_run(run), "Run", run)
    return download(call, Place.read(f"{home_of(run)}/{safe(request.GET.get('path', ''))}"))


@endpoint
def artifact(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    return _handled(request, call_of(request, user), Place.read(path))


def _handled(request: HttpRequest, call: Call, place: Place) -> HttpResponseBase:
    match request.method:
        case "GET" | "HEAD":
            place.must_be_seen(call)
            return download(call, place)
        case "PUT":
            _must_change(call, place)
            return upload(request, place)
        case "DELETE":
            _must_change(call, place)
            if is_ours(mlflow_run_id=place.run) or place.model:
                raise Invalid("Artifacts of runs of this installation, and of models, stay.")
            answer = wiring.mlflow_rest().raw("DELETE", f"{SERVICE}/{quote(place.path)}")
            return HttpResponse(status=answer.status_code, content=b"{}", content_type="application/json")
    return refused("BAD_REQUEST", "Use GET, PUT or DELETE.", 405)


def _must_change(call: Call, place: Place) -> None:
    if not place.must_be_changed(call):
        raise NotAllowed("Only its owner or an admin may write artifacts.")


def download(call: Call, place: Place) -> HttpResponseBase:
    if place.run and (kept := checkpoints.folder_of(call, place.run, place.inside)):
        if kept[1].name == checkpoints.MARK:
            return HttpResponse(b"", content_type="application/octet-stream", headers=FILE)
        found(kept[1].is_file(), "Artifact", place.path)
        return sent(kept[1])
    rest = wiring.mlflow_rest()
    answer = rest.opened("GET", f"{SERVICE}/{quote(place.path)}")
    if not answer.is_success:
        answer.close()
        raise NotFound(f"Artifact {place.path[:200]} not found.")
    response = StreamingHttpResponse(_chunks(answer), content_type="application/octet-stream", headers=FILE)
    if length := answer.headers.get("Content-Length"):
        response.headers["Content-Length"] = length
    return response


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    """A thread for each chunk: whoever is slow to take it holds none."""
    pieces = answer.iter_raw(CHUNK)
    try:
        while chunk := await asyncio.to_thread(next, pieces, b""):
            yield chunk
    finally:
        answer.close()


def upload(request: HttpRequest, place: Place) -> HttpResponseBase:
    length = request.headers.get("Content-Length")
    headers = {"Content-Type": "application/octet-stream", **({"Content-Length": length} if length else {})}
    pieces = iter(lambda: request.read(CHUNK), b"")
    answer = wiring.mlflow_rest().raw("PUT", f"{SERVICE}/{quote(place.path)}", content=pieces, headers=headers)
    if not answer.is_success:
        return refused("INTERNAL_ERROR", "MLflow did not take the artifact.", 502)
    return JsonResponse({})


# Signed addresses


def credentials(request: HttpRequest, call: Call) -> HttpResponse:
    """Addresses where mlflow 2, taking us for a workspace, may read or write artifacts of a run for a quarter of an hour."""
    writes = call.path.endswith("write")
    run, paths = call.text("run_id"), call.params.get("path")
    if not isinstance(paths, list) or len(paths) > 1_000 or not all(isinstance(path, str) for path in paths):
        raise Invalid("path must be a list of at most 1,000 paths.", field="path")
    found(call.sight.sees_run(run), "Run", run)
    if writes and not call.sight.changes_run(run):
        raise NotAllowed("Only its owner or an admin may write artifacts.")
    home = home_of(run)
    infos = [_credential(request, call.user, run, f"{home}/{safe(path)}", path, writes) for path in paths]
    return JsonResponse({"credential_infos": infos})


def home_of(run: str) -> str:
    answer = wiring.mlflow_rest().get("runs/get", run_id=run)
    return str(answer["run"]["info"]["artifact_uri"]).partition("mlflow-artifacts:")[2].lstrip("/")


def _credential(request: HttpRequest, user: User, run: str, path: str, asked: str, writes: bool) -> dict[str, Any]:
    token = signing.dumps({"user": user.pk, "path": path, "writes": writes}, salt=SALT)
    address = request.build_absolute_uri(reverse("mlflow-signed", args=[token]))
    return {"run_id": run, "path": asked, "signed_uri": address, "type": "AWS_PRESIGNED_URL", "headers": []}


def granted(token: str) -> tuple[User, str, bool]:
    """To whom an address was given, where it leads, and whether it is for writing."""
    try:
        told = signing.loads(token, salt=SALT, max_age=SIGNED_SECONDS)
        return User.objects.get(pk=told["user"], is_active=True), told["path"], told["writes"]
    except (signing.BadSignature, User.DoesNotExist):
        raise Invalid("This address is not valid, or no longer.") from None


@csrf_exempt
def signed(request: HttpRequest, token: str) -> HttpResponseBase:
    """The address is the permission; who got it is looked up again, in case they may no more."""
    try:
        user, path, writes = granted(token)
    except Invalid as error:
        return refused("INVALID_PARAMETER_VALUE", error.message, 400)
    if request.method not in (("PUT",) if writes else ("GET", "HEAD")):
        return refused("INVALID_PARAMETER_VALUE", "This address is not for that.", 400)
    try:
        return _handled(request, call_of(request, user), Place.read(path))
    except (NotFound, NotAllowed) as error:
        return refused("PERMISSION_DENIED", error.message, 403)


# A workspace's folder

WORKSPACE = re.compile(
    r"(?P<experiment>\d+)/(?:Runs/(?P<run>[0-9a-f]{32})|LoggedModels/(?P<model>m-[0-9a-f]{32}))(?P<rest>(?:/.*)?)"
)


def _workspace_place(path: str) -> Place:
    match = WORKSPACE.fullmatch(unquote(path).rstrip("/"))
    if match is None:
        raise NotFound(f"{path[:200]} not found.")
    home = match["run"] or f"models/{match['model']}"
    rest = match["rest"] if match["rest"].startswith("/artifacts") else f"/artifacts{match['rest']}"
    return Place.read(f"{match['experiment']}/{home}{rest}")


@endpoint
def workspace_file(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    response = _handled(request, call_of(request, user), _workspace_place(path))
    return HttpResponse(status=204) if request.method == "PUT" and response.status_code == 200 else response


@endpoint
def workspace_directory(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    call, place = call_of(request, user), _workspace_place(path)
    if request.method == "PUT":
        _must_change(call, place)
        return HttpResponse(status=204)  # folders come with what is in them
    place.must_be_seen(call)
    return folder(request, call, place, f"/WorkspaceInternal/Mlflow/Artifacts/{path.rstrip('/')}")


def folder(request: HttpRequest, call: Call, place: Place, shown: str) -> HttpResponseBase:
    """What is in it, as the Files API lists it; `shown` is the path that it was asked for by."""
    files = _files(call, place)
    found(bool(files) or not place.inside, "Directory", shown)
    entries = [
        {
            "path": f"{shown}/{file['path']}",
            "name": file["path"],
            "is_directory": bool(file.get("is_dir")),
            "file_size": int(file.get("file_size") or 0),
        }
        for file in files
    ]
    return HttpResponse(status=200) if request.method == "HEAD" else JsonResponse({"contents": entries})
