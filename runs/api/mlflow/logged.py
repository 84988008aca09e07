"""Logged models: what MLflow 3 makes of `log_model`, before it is registered."""

from django.http import HttpResponse

from runs.api.mlflow.call import Call, Params, allowed, answered, found, no_reserved_tags
from runs.api.mlflow.paths import sees_model_source
from runs.api.mlflow.scanning import scanned
from runs.models import RecordKind
from runs.services.sight import is_ours


def create(call: Call) -> HttpResponse:
    call.sight.must_train()
    experiment = call.text("experiment_id")
    found(call.sight.sees_experiment(experiment), "Experiment", experiment)
    if run := str(call.params.get("source_run_id") or ""):
        found(call.sight.sees_run(run), "Run", run)
        allowed(call.sight.changes_run(run), "a run")
    no_reserved_tags(call.params.get("tags"))
    answer = call.ask()
    if answer.is_success:
        call.sight.remember(RecordKind.LOGGED_MODEL, str(answer.json()["model"]["info"]["model_id"]), experiment)
    return answered(answer, call)


def search(call: Call) -> HttpResponse:
    def visible(row: Params) -> bool:
        info = row.get("info", {})
        source = str(info.get("source_run_id") or "")
        return call.sight.made(RecordKind.LOGGED_MODEL, str(info.get("model_id"))) or call.sight.sees_run(source)

    return scanned(call, "models", visible, default=100)


def one(call: Call, model: str, rest: str) -> HttpResponse:
    """GET shows it and its folders, PATCH and POST write, DELETE is for what no run of ours made."""
    found(sees_model_source(call, model), "Logged model", model)
    if call.method == "GET":
        return call.passed()
    allowed(sees_model_source(call, model, change=True), "a logged model")
    if call.method == "DELETE" and not rest:
        allowed(call.sight.made(RecordKind.LOGGED_MODEL, model) and not is_ours(version__uri__contains=model), "a logged model")
    no_reserved_tags(call.params.get("tags"))
    return call.passed()
