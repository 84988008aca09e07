"""One call of an MLflow client: who asks for what, and what MLflow answers to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from django.http import HttpResponse, JsonResponse

from runs import wiring
from runs.models import User
from runs.services.refused import Invalid, NotAllowed, NotFound
from runs.services.sight import Sight

RESERVED = "finetuning."  # tags by which our own runs are found again
OURS = ("mlflow.user",)
Params = dict[str, Any]


@dataclass(frozen=True)
class Call:
    user: User
    method: str
    path: str  # below api/2.0/mlflow/
    params: Params
    databricks: bool  # a client that takes us for a workspace, and looks for artifacts as one does there

    @property
    def sight(self) -> Sight:
        return Sight(self.user)

    def text(self, *names: str) -> str:
        """The first of these parameters that is there; a number counts as text."""
        for name in names:
            value = self.params.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
                return str(value)
        raise Invalid(f"Missing value for required parameter '{names[0]}'.", field=names[0])

    def ask(self, **changes: Any) -> httpx.Response:
        """MLflow's answer to this call, with some parameters changed."""
        params = {**self.params, **changes}
        sent: Params = {"params": params} if self.method == "GET" else {"json": params}
        return wiring.mlflow_rest().raw(self.method, f"/api/2.0/mlflow/{self.path}", **sent)

    def passed(self, **changes: Any) -> HttpResponse:
        return answered(self.ask(**changes), self)


Rule = Callable[[Call], HttpResponse]


def answered(answer: httpx.Response, call: Call) -> HttpResponse:
    """Its status and body and none of its headers."""
    try:
        return JsonResponse(placed(answer.json(), call), status=answer.status_code, safe=False)
    except ValueError:
        return JsonResponse({"error_code": "INTERNAL_ERROR", "message": "MLflow's answer cannot be read."}, status=502)


def asked_of(call: Call, method: str, path: str, **params: Any) -> Params | None:
    """Something that a rule must know before it decides; None when it is not there."""
    sent: Params = {"params": params} if method == "GET" else {"json": params}
    answer = wiring.mlflow_rest().raw(method, f"/api/2.0/mlflow/{path}", **sent)
    return dict(answer.json()) if answer.is_success else None


def placed(body: Any, call: Call) -> Any:
    """For a client that takes us for a workspace: artifacts where they would be there."""
    if not call.databricks or not isinstance(body, Mapping):
        return body
    runs = (
        [body["run"]]
        if isinstance(body.get("run"), Mapping)
        else [run for run in body.get("runs", []) if isinstance(run, dict)]
    )
    for run in runs:
        info = run.get("info", {})
        home = f"dbfs:/databricks/mlflow-tracking/{info.get('experiment_id')}/{info.get('run_id')}/artifacts"
        if str(info.get("artifact_uri", "")).startswith("mlflow-artifacts:"):
            info["artifact_uri"] = home
    models = [body["model"]] if isinstance(body.get("model"), Mapping) else body.get("models", [])
    for model in models:
        info = model.get("info", {})
        home = f"dbfs:/databricks/mlflow-tracking/{info.get('experiment_id')}/logged_models/{info.get('model_id')}/artifacts"
        if str(info.get("artifact_uri", "")).startswith("mlflow-artifacts:"):
            info["artifact_uri"] = home
    return body


def found(there: bool, what: str, key: str) -> None:
    """Not to be seen and not there are one."""
    if not there:
        raise NotFound(f"{what} {key[:200]} not found.")


def allowed(may: bool, what: str) -> None:
    if not may:
        raise NotAllowed(f"Only its owner or an admin may change {what}.")


def no_reserved_tags(tags: Any) -> None:
    for tag in tags if isinstance(tags, list) else []:
        if isinstance(tag, Mapping) and str(tag.get("key", "")).startswith(RESERVED):
            raise NotAllowed(f"Tags that begin with {RESERVED} are ours: runs are found again by them.")
