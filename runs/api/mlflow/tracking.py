"""Experiments, runs and metrics."""

from operator import itemgetter

from django.http import HttpResponse, JsonResponse

from runs.api.mlflow import checkpoints
from runs.api.mlflow.call import Call, Rule, allowed, answered, asked_of, found, no_reserved_tags, placed
from runs.api.mlflow.paths import safe
from runs.api.mlflow.scanning import scanned
from runs.models import RecordKind
from runs.services.refused import Invalid, NotAllowed
from runs.services.sight import is_ours

# Experiments


def create_experiment(call: Call) -> HttpResponse:
    call.sight.must_train()
    if call.params.get("artifact_location"):
        raise Invalid("artifact_location is not taken: artifacts are kept by this server.", field="artifact_location")
    no_reserved_tags(call.params.get("tags"))
    answer = call.ask()
    if answer.is_success:
        call.sight.remember(RecordKind.EXPERIMENT, str(answer.json()["experiment_id"]))
    return answered(answer, call)


def read_experiment(call: Call) -> HttpResponse:
    key = call.text("experiment_id")
    found(call.sight.sees_experiment(key), "Experiment", key)
    return call.passed()


def experiment_by_name(call: Call) -> HttpResponse:
    name = call.text("experiment_name")
    body = asked_of(call, "GET", call.path, experiment_name=name)
    found(body is not None and call.sight.sees_experiment(str(body["experiment"]["experiment_id"])), "Experiment", name)
    return JsonResponse(body or {})


def search_experiments(call: Call) -> HttpResponse:
    return scanned(call, "experiments", lambda row: call.sight.sees_experiment(str(row.get("experiment_id"))), default=1_000)


def change_experiment(call: Call) -> HttpResponse:
    key = call.text("experiment_id")
    found(call.sight.sees_experiment(key), "Experiment", key)
    allowed(call.sight.changes_experiment(key), "an experiment")
    no_reserved_tags([call.params])
    return call.passed()


def delete_experiment(call: Call) -> HttpResponse:
    key = call.text("experiment_id")
    found(call.sight.sees_experiment(key), "Experiment", key)
    if is_ours(mlflow_experiment_id=key):
        raise NotAllowed("Runs of this installation are in it; it stays, so that they can be explained.")
    allowed(call.sight.changes_experiment(key), "an experiment")
    return call.passed()


# Runs


def create_run(call: Call) -> HttpResponse:
    call.sight.must_train()
    experiment = str(call.params.get("experiment_id") or "0")
    found(experiment == "0" or call.sight.sees_experiment(experiment), "Experiment", experiment)
    no_reserved_tags(call.params.get("tags"))
    answer = call.ask(experiment_id=experiment)
    if answer.is_success:
        call.sight.remember(RecordKind.RUN, str(answer.json()["run"]["info"]["run_id"]), experiment)
    return answered(answer, call)


def _run_key(call: Call) -> str:
    """Both names must mean one run: MLflow reads one of them, and we must look at the same."""
    keys = {str(call.params[name]) for name in ("run_id", "run_uuid") if call.params.get(name)}
    if len(keys) > 1:
        raise Invalid("run_id and run_uuid name two runs.", field="run_id")
    return call.text("run_id", "run_uuid")


def read_run(call: Call) -> HttpResponse:
    key = _run_key(call)
    found(call.sight.sees_run(key), "Run", key)
    return call.passed()


def list_artifacts(call: Call) -> HttpResponse:
    """What MLflow keeps, and the checkpoints, which stay in the run's own folder."""
    key, path = _run_key(call), safe(str(call.params.get("path") or ""))
    found(call.sight.sees_run(key), "Run", key)
    kept = checkpoints.listed(call, key, path)
    if kept is not None:
        return JsonResponse(kept)
    answer, ours = call.ask(), [] if path.strip("/") else checkpoints.at_root(call, key)
    if not (ours and answer.is_success):
        return answered(answer, call)
    body = answer.json()
    return JsonResponse(placed({**body, "files": sorted([*body.get("files", []), *ours], key=itemgetter("path"))}, call))


def change_run(call: Call) -> HttpResponse:
    key = _run_key(call)
    found(call.sight.sees_run(key), "Run", key)
    allowed(call.sight.changes_run(key), "a run")
    no_reserved_tags([call.params])
    no_reserved_tags(call.params.get("tags"))
    return call.passed()


def delete_run(call: Call) -> HttpResponse:
    key = _run_key(call)
    found(call.sight.sees_run(key), "Run", key)
    if is_ours(mlflow_run_id=key):
        raise NotAllowed("This is the record of a run of this installation. Delete the run itself.")
    allowed(call.sight.changes_run(key), "a run")
    return call.passed()


def search_runs(call: Call) -> HttpResponse:
    """The ids that may be seen go into the filter, first, so that nothing else is even compared with what was asked for."""
    experiments = [str(key) for key in call.params.get("experiment_ids") or []]
    wanted = str(call.params.get("filter") or "").strip()
    if call.user.is_admin:
        return call.passed()
    keys = call.sight.runs_in(experiments)
    if not keys:
        return JsonResponse({})
    mine = f"attributes.run_id IN ({', '.join(repr(key) for key in keys)})"
    answer = call.ask(filter=f"{mine} and {wanted}" if wanted else mine)
    if answer.is_success:
        seen, body = set(keys), answer.json()
        body["runs"] = [row for row in body.get("runs", []) if row["info"]["run_id"] in seen]
        return JsonResponse(placed(body, call))
    return answered(answer, call)


WRITES = (
    *("update", "restore", "log-metric", "log-parameter", "log-batch"),
    *("set-tag", "delete-tag", "log-model", "log-inputs", "outputs"),
)
RULES: dict[tuple[str, str], Rule] = {
    ("POST", "experiments/create"): create_experiment,
    ("GET", "experiments/get"): read_experiment,
    ("GET", "experiments/get-by-name"): experiment_by_name,
    ("GET", "experiments/search"): search_experiments,
    ("POST", "experiments/search"): search_experiments,
    ("POST", "experiments/update"): change_experiment,
    ("POST", "experiments/set-experiment-tag"): change_experiment,
    ("POST", "experiments/delete-experiment-tag"): change_experiment,
    ("POST", "experiments/delete"): delete_experiment,
    ("POST", "experiments/restore"): change_experiment,
    ("POST", "runs/create"): create_run,
    ("GET", "runs/get"): read_run,
    ("POST", "runs/search"): search_runs,
    ("POST", "runs/delete"): delete_run,
    ("GET", "metrics/get-history"): read_run,
    ("GET", "artifacts/list"): list_artifacts,
    **{("POST", f"runs/{verb}"): change_run for verb in WRITES},
}
