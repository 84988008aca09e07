"""The few calls that the client makes around fine-tuning: who am I, may I register there, which clusters are there.

Clusters do not exist here. A table needs none to be read, so the answer names one that stands for this installation.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from runs import wiring
from runs.api.databricks.door import endpoint, refused
from runs.contract.request import MODEL_PART, PART
from runs.data.sources import SourceError, pinned
from runs.models import ModelVersion, User
from runs.services import volumes
from runs.services.permissions import require
from runs.services.refused import Invalid, NotFound
from runs.services.resending import heard

CLUSTER = {
    "cluster_id": "finetuning-ui",
    "cluster_name": "This installation",
    "spark_version": "15.4.x-scala2.12",
    "data_security_mode": "SINGLE_USER",
    "state": "RUNNING",
}


@endpoint
def me(request: HttpRequest, user: User) -> HttpResponseBase:
    heard(by=user)  # a create begins with this
    emails = [{"value": user.address, "primary": True}]
    return JsonResponse(
        {"id": str(user.pk), "userName": user.address, "displayName": user.get_username(), "emails": emails, "active": True}
    )


@endpoint
def models(request: HttpRequest, user: User) -> HttpResponseBase:
    """POST checks that a model of this name could be registered. It comes to be with its first version: none is made."""
    if request.method != "POST":
        names = ModelVersion.objects.visible_to(user).values_list("name", flat=True).distinct().order_by("name")
        return JsonResponse({"registered_models": [_model(name, user) for name in names]})
    heard(by=user)  # as a create does that is checked first
    try:
        body = orjson.loads(request.body or b"{}")
        name = ".".join(str(body[key]) for key in ("catalog_name", "schema_name", "name"))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Invalid("catalog_name, schema_name and name are required.") from None
    if not re.fullmatch(rf"{PART}\.{PART}\.{MODEL_PART}", name):
        raise Invalid(f"“{name[:200]}” is not a valid name for a registered model.")
    return JsonResponse(_model(name, user))


@endpoint
def model(request: HttpRequest, user: User, name: str) -> HttpResponseBase:
    heard(by=user)
    if request.method == "DELETE":
        seen = ModelVersion.objects.visible_to(user).filter(name=name).select_related("run").first()
        if seen is not None:  # what one may not see is not there, and deleting what is not there is no error
            require(user, "registered.delete", seen.run)
            return refused("BAD_REQUEST", "A registered model with versions is not deleted here.", 400)
        return JsonResponse({})
    _known(name, user)
    return JsonResponse(_model(name, user))


@endpoint
def versions(request: HttpRequest, user: User, name: str) -> HttpResponseBase:
    _known(name, user)
    rows = ModelVersion.objects.visible_to(user).filter(name=name).select_related("run")
    shown = [
        {"model_name": name, "version": row.version, "status": "READY", "run_id": row.run.mlflow_run_id, "created_at": _ms(row)}
        for row in rows
    ]
    return JsonResponse({"model_versions": shown})


@endpoint
def table(request: HttpRequest, user: User, name: str) -> HttpResponseBase:
    """A Delta table that a run may read."""
    if name.count(".") != 2:
        raise NotFound(f"“{name[:200]}” is not catalog.schema.table.")
    with TemporaryDirectory(dir=wiring.scratch()) as folder:
        try:
            pinned(name, wiring.roots(Path(folder), hub_token=""))
        except SourceError as error:
            raise NotFound(str(error)) from None
    catalog, schema, short = (*name.split("."), "", "")[:3]
    shown = {"full_name": name, "catalog_name": catalog, "schema_name": schema, "name": short}
    return JsonResponse({**shown, "table_type": "EXTERNAL", "data_source_format": "DELTA"})


@endpoint
def volume(request: HttpRequest, user: User, name: str) -> HttpResponseBase:
    catalog, schema, short = (*name.split("."), "", "")[:3]
    volumes.existing_folder(f"/Volumes/{catalog}/{schema}/{short}")
    shown = {"full_name": name, "catalog_name": catalog, "schema_name": schema, "name": short}
    return JsonResponse({**shown, "volume_type": "MANAGED"})


@endpoint
def permissions(request: HttpRequest, user: User, kind: str, name: str) -> HttpResponseBase:
    """Who may deploy may register anywhere; others may look."""
    held = ["ALL_PRIVILEGES"] if user.may_deploy else ["USE_CATALOG", "USE_SCHEMA"]
    privileges = [{"privilege": privilege} for privilege in held]
    return JsonResponse({"privilege_assignments": [{"principal": user.address, "privileges": privileges}]})


@endpoint
def clusters(request: HttpRequest, user: User) -> HttpResponseBase:
    return JsonResponse({"clusters": [CLUSTER]})


@endpoint
def cluster(request: HttpRequest, user: User) -> HttpResponseBase:
    if request.GET.get("cluster_id") != CLUSTER["cluster_id"]:
        raise NotFound(f"There is one cluster here, {CLUSTER['cluster_id']}: this installation itself.")
    return JsonResponse(CLUSTER)


@csrf_exempt
def nowhere(request: HttpRequest, rest: str) -> HttpResponseBase:
    """What this dialect has elsewhere and we have not: serving endpoints, jobs, notebooks, dbfs."""
    return refused("ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.path[:200]}' in this installation.", 404)


def _known(name: str, user: User) -> None:
    if not ModelVersion.objects.visible_to(user).filter(name=name).exists():
        raise NotFound(f"The registered model {name} does not exist.")


def _model(name: str, user: User) -> dict[str, str]:
    catalog, schema, short = name.split(".", 2)
    return {"full_name": name, "catalog_name": catalog, "schema_name": schema, "name": short, "owner": user.address}


def _ms(row: ModelVersion) -> int:
    """Milliseconds since the epoch."""
    return int(row.created_at.timestamp() * 1_000)
