"""Files of versions at `/Models/<catalog>/<schema>/<name>/<version>/…`, where mlflow 3 looks in a workspace.

What a version is made of, a run's artifact or a logged model, is here before the version is, and stays where it is. The client
sends it again nevertheless: it is compared, and kept once.
"""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from runs import wiring
from runs.api.databricks.door import endpoint, refused
from runs.api.mlflow import artifacts
from runs.api.mlflow.call import Call, Rule, asked_of, found
from runs.api.mlflow.paths import Place, safe
from runs.models import User
from runs.services.refused import NotFound


@endpoint
def file(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    call = artifacts.call_of(request, user)
    place = _place(call, path)
    if request.method != "PUT":
        return artifacts.download(call, place)
    call.sight.must_deploy()
    if not _is_kept(request, place):
        return refused("RESOURCE_CONFLICT", "A version is made of what its source holds, and this is something else.", 409)
    return HttpResponse(status=204)


def _is_kept(request: HttpRequest, place: Place) -> bool:
    """Whether what is sent is there already, to the byte. A note of the version's own name is made by each client anew."""
    if place.path.rpartition("/")[2] == NOTE:
        return True
    answer = wiring.mlflow_rest().opened("GET", f"{artifacts.SERVICE}/{quote(place.path)}")
    try:
        kept = answer.iter_raw(artifacts.CHUNK)
        return answer.is_success and all(piece == request.read(len(piece)) for piece in kept) and not request.read(1)
    finally:
        answer.close()


def as_files(_call: Call) -> HttpResponse:
    """Whether a client shall read and write versions by the Files API, without credentials of a cloud."""
    return JsonResponse({"is_databricks_sdk_models_artifact_repository_enabled": True})


def finished(call: Call) -> HttpResponse:
    """A version is ready with its row; the client is told so, as it asks."""
    name, number = call.text("name"), call.text("version")
    found(call.sight.sees_version(name, number), "Model Version", f"{name}/{number}")
    body = asked_of(call, "GET", "model-versions/get", name=name, version=number)
    found(body is not None, "Model Version", f"{name}/{number}")
    return JsonResponse(body or {})


def noted(call: Call) -> HttpResponse:
    """Which notebook or job read a version is not kept here."""
    finished(call)
    return JsonResponse({})


NOTE = "registered_model_meta"
UNITY = "unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled"
RULES: dict[tuple[str, str], Rule] = {
    ("GET", UNITY): as_files,
    ("POST", "model-versions/finalize"): finished,
    ("POST", "model-versions/emit-lineage"): noted,
}


@endpoint
def directory(request: HttpRequest, user: User, path: str) -> HttpResponseBase:
    call = artifacts.call_of(request, user)
    return artifacts.folder(request, call, _place(call, path), f"/Models/{path.strip('/')}")


def _place(call: Call, path: str) -> Place:
    """Where the files of a version that one may see are kept."""
    parts = safe(path.strip("/")).split("/")
    if len(parts) < 4:
        raise NotFound(f"“{path[:200]}” is not <catalog>/<schema>/<name>/<version>.")
    name, number = ".".join(parts[:3]), parts[3]
    found(call.sight.sees_version(name, number), "Model Version", f"{name}/{number}")
    body = asked_of(call, "GET", "model-versions/get-download-uri", name=name, version=number)
    return Place.read("/".join([_home(str((body or {}).get("artifact_uri"))), *parts[4:]]))


def _home(uri: str) -> str:
    """The path of `mlflow-artifacts:/<path>`, or of `runs:/<run>/<path>`."""
    kind, _, path = uri.partition(":/")
    if kind == "runs":
        run, _, rest = path.strip("/").partition("/")
        return f"{artifacts.home_of(run)}/{rest}"
    found(kind == "mlflow-artifacts", "Artifacts", uri)
    return path.strip("/")
