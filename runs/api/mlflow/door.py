"""`/api/2.0/mlflow/...`: the known calls, each behind its rule."""

import re

from django.http import HttpRequest, HttpResponseBase

from runs.api.databricks.door import endpoint, refused
from runs.api.mlflow import artifacts, logged, registry, tracking, versions
from runs.api.mlflow.call import Call, Params
from runs.api.strict import read_object
from runs.models import User
from runs.services.refused import Invalid

MOST_BYTES = 8 << 20  # a batch of metrics; MLflow itself takes 1 MB of them
RULES = {**tracking.RULES, **registry.RULES, **versions.RULES}
UNITY = "unity-catalog/"  # the same calls, where the client's registry is databricks-uc
LOGGED = re.compile(
    r"logged-models/(?P<model>m-[0-9a-f]{32})(?P<rest>/(?:tags(?:/[\w.\-]{1,250})?|params|artifacts/directories))?"
)


@endpoint
def passed(request: HttpRequest, user: User, rest: str) -> HttpResponseBase:
    method = request.method or ""
    path = rest.removeprefix(UNITY) if rest.startswith((f"{UNITY}registered-models/", f"{UNITY}model-versions/")) else rest
    databricks = "databricks-sdk-py" in request.headers.get("User-Agent", "")
    call = Call(user, method, path, _params(request), databricks)
    if rule := RULES.get((method, path)):
        return rule(call)
    if (method, path) in (("POST", "artifacts/credentials-for-read"), ("POST", "artifacts/credentials-for-write")):
        return artifacts.credentials(request, call)
    if (method, path) in (("POST", "logged-models"), ("POST", "logged-models/search")):
        return logged.create(call) if path == "logged-models" else logged.search(call)
    if (match := LOGGED.fullmatch(path)) and method in ("GET", "POST", "PATCH", "DELETE"):
        return logged.one(call, match["model"], match["rest"] or "")
    return refused("NOT_IMPLEMENTED", f"{method} {request.path[:300]} is not passed on to MLflow.", 501)


def _params(request: HttpRequest) -> Params:
    """MLflow takes a name in snake_case or camelCase. Only the first is let through: a rule must see what MLflow sees."""
    params: Params = request.GET.dict() if request.method == "GET" else read_object(request, MOST_BYTES)
    if strange := [name for name in params if not re.fullmatch(r"[a-z_]{1,50}", name)]:
        raise Invalid(f"There is no parameter “{strange[0][:50]}”.", field=strange[0][:50])
    return params
