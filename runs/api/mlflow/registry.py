"""Registered models and their versions, and the logged models that versions are made of."""

import re

from django.http import HttpResponse, JsonResponse

from runs.api.mlflow.call import Call, Params, Rule, allowed, answered, asked_of, found, no_reserved_tags
from runs.api.mlflow.paths import Place, sees_model_source
from runs.api.mlflow.scanning import scanned
from runs.models import RecordKind
from runs.services.refused import Invalid, NotAllowed
from runs.services.sight import has_our_version

SOURCES = re.compile(
    r"runs:/(?P<run>[0-9a-f]{32})(/.*)?|models:/(?P<model>m-[0-9a-f]{32})(/.*)?|mlflow-artifacts:/+(?P<path>\d.*)"
)


def _version(row: Params) -> tuple[str, str]:
    return str(row.get("name")), str(row.get("version"))


def _trimmed(call: Call, model: Params) -> Params:
    """A registered model without versions and aliases that lead to what is not to be seen."""
    seen = [row for row in model.get("latest_versions", []) if call.sight.sees_version(*_version(row))]
    name = str(model.get("name"))
    aliases = [row for row in model.get("aliases", []) if call.sight.sees_version(name, str(row.get("version")))]
    return {**model, **({"latest_versions": seen} if seen else {"latest_versions": []}), "aliases": aliases}


def create_model(call: Call) -> HttpResponse:
    call.sight.must_deploy()
    no_reserved_tags(call.params.get("tags"))
    answer = call.ask()
    if answer.is_success:
        call.sight.remember(RecordKind.MODEL, call.text("name"))
    return answered(answer, call)


def read_model(call: Call) -> HttpResponse:
    name = call.text("name")
    found(call.sight.sees_model(name), "Registered Model", name)
    answer = call.ask()
    if not answer.is_success:
        return answered(answer, call)
    body = answer.json()
    if "model_versions" in body:
        body["model_versions"] = [row for row in body["model_versions"] if call.sight.sees_version(*_version(row))]
    if "registered_model" in body:
        body["registered_model"] = _trimmed(call, body["registered_model"])
    return JsonResponse(body)


def search_models(call: Call) -> HttpResponse:
    def visible(row: Params) -> bool:
        if not call.sight.sees_model(str(row.get("name"))):
            return False
        row.update(_trimmed(call, row))
        return True

    return scanned(call, "registered_models", visible, default=100)


def change_model(call: Call) -> HttpResponse:
    name = call.text("name")
    found(call.sight.sees_model(name), "Registered Model", name)
    allowed(call.sight.changes_model(name), "a registered model")
    no_reserved_tags([call.params])
    return call.passed()


def remove_model(call: Call) -> HttpResponse:
    name = call.text("name")
    found(call.sight.sees_model(name), "Registered Model", name)
    if has_our_version(name):
        raise NotAllowed("Versions of runs of this installation are in it; it keeps its name and stays.")
    allowed(call.sight.changes_model(name), "a registered model")
    return call.passed()


def rename_model(call: Call) -> HttpResponse:
    answer = remove_model(call)
    if answer.status_code == 200:
        call.sight.remember(RecordKind.MODEL, call.text("new_name"))
    return answer


def create_version(call: Call) -> HttpResponse:
    """Into a model that one may change, from an artifact that one may see."""
    call.sight.must_deploy()
    name = call.text("name")
    found(call.sight.sees_model(name), "Registered Model", name)
    allowed(call.sight.changes_model(name), "a registered model")
    no_reserved_tags(call.params.get("tags"))
    _source_is_seen(call, call.text("source"))
    if run := str(call.params.get("run_id") or ""):
        found(call.sight.sees_run(run), "Run", run)
    if model := str(call.params.get("model_id") or ""):
        found(sees_model_source(call, model), "Logged model", model)
    answer = call.ask()
    if answer.is_success:
        number = answer.json()["model_version"]["version"]
        call.sight.remember(RecordKind.VERSION, f"{name}/{number}", name)
    return answered(answer, call)


def _source_is_seen(call: Call, source: str) -> None:
    match = SOURCES.fullmatch(source)
    if match is None:
        raise Invalid("The source of a version is an artifact of a run or a logged model in here.", field="source")
    if match["path"]:
        Place.read(match["path"]).must_be_seen(call)
    elif match["run"]:
        found(call.sight.sees_run(match["run"]), "Run", match["run"])
    else:
        found(sees_model_source(call, match["model"]), "Logged model", match["model"])


def read_version(call: Call) -> HttpResponse:
    name, number = call.text("name"), call.text("version")
    found(call.sight.sees_version(name, number), "Model Version", f"{name}/{number}")
    return call.passed()


def change_version(call: Call) -> HttpResponse:
    name, number = call.text("name"), call.text("version")
    found(call.sight.sees_version(name, number), "Model Version", f"{name}/{number}")
    allowed(call.sight.changes_version(name, number), "a version")
    no_reserved_tags([call.params])
    return call.passed()


def delete_version(call: Call) -> HttpResponse:
    name, number = call.text("name"), call.text("version")
    found(call.sight.sees_version(name, number), "Model Version", f"{name}/{number}")
    if has_our_version(name, number):
        raise NotAllowed("This version came from a run of this installation; it stays, so that it can be explained.")
    allowed(call.sight.changes_version(name, number), "a version")
    return call.passed()


def search_versions(call: Call) -> HttpResponse:
    return scanned(call, "model_versions", lambda row: call.sight.sees_version(*_version(row)), default=200)


def read_alias(call: Call) -> HttpResponse:
    name, alias = call.text("name"), call.text("alias")
    body = asked_of(call, "GET", call.path, name=name, alias=alias)
    found(body is not None and call.sight.sees_version(*_version(body["model_version"])), "Alias", f"{name}@{alias}")
    return JsonResponse(body or {})


RULES: dict[tuple[str, str], Rule] = {
    ("POST", "registered-models/create"): create_model,
    ("GET", "registered-models/get"): read_model,
    ("GET", "registered-models/get-latest-versions"): read_model,
    ("POST", "registered-models/get-latest-versions"): read_model,
    ("GET", "registered-models/search"): search_models,
    ("POST", "registered-models/rename"): rename_model,
    ("PATCH", "registered-models/update"): change_model,
    ("DELETE", "registered-models/delete"): remove_model,
    ("POST", "registered-models/set-tag"): change_model,
    ("DELETE", "registered-models/delete-tag"): change_model,
    ("GET", "registered-models/alias"): read_alias,
    ("POST", "registered-models/alias"): change_model,
    ("DELETE", "registered-models/alias"): change_model,
    ("POST", "model-versions/create"): create_version,
    ("GET", "model-versions/get"): read_version,
    ("GET", "model-versions/get-download-uri"): read_version,
    ("GET", "model-versions/search"): search_versions,
    ("PATCH", "model-versions/update"): change_version,
    ("POST", "model-versions/transition-stage"): change_version,
    ("POST", "model-versions/set-tag"): change_version,
    ("DELETE", "model-versions/delete-tag"): change_version,
    ("DELETE", "model-versions/delete"): delete_version,
}
