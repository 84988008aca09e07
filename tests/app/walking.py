"""Who walks the addresses, and what stands for each part of one."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
from deltalake import write_deltalake
from django.conf import settings
from django.db import transaction
from django.test import Client

from runs import wiring
from runs.models import (
    BaseModel,
    DataSet,
    Delivery,
    Draft,
    ModelVersion,
    Role,
    Run,
    Taking,
    User,
    Webhook,
)
from runs.models.login import Visit
from runs.services import access, arrivals, invitations, sharing

INVITED: dict[str, Any] = {"email": "x@example.org", "role": Role.VIEWER, "team": None, "link": lambda token: token}


def by_token(path: str) -> bool:
    return ("api/" in path or path.startswith(("v1/", "get-artifact"))) and path != "api/v1/docs"  # which is a page


@dataclass(frozen=True)
class Person:
    """Somebody, with both ways in; `user` is None for who has no account."""

    name: str
    user: User | None
    browser: Client
    token: str

    def send(self, method: str, path: str) -> Any:
        header = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"} if self.token and by_token(path) else {}
        client = Client(raise_request_exception=False)  # a fresh one: an answer may take the cookies away
        if not header:
            client.cookies = deepcopy(self.browser.cookies)
        body = {} if method == "GET" else {"data": "{}", "content_type": "application/json"}
        with transaction.atomic():
            answer = client.generic(method, f"/{path}", **body, **header)  # type: ignore[arg-type]
            transaction.set_rollback(True)
        return answer


def person_of(name: str, user: User) -> Person:
    browser = Client(raise_request_exception=False)
    browser.force_login(user)
    return Person(name, user, browser, access.create_token(by=user, name="walk")[1])


def things_of(owner: User, admin: User, run: Run, dataset: DataSet, base_model: BaseModel) -> dict[str, str]:
    """What stands for each part of an address: all of it is the owner's, and seen by the team."""
    table = Path(settings.TABLES_ROOT) / "main" / "default" / "seen"
    if not table.exists():
        write_deltalake(str(table), pyarrow.table({"prompt": ["a"]}))
    run.mlflow_experiment_id, run.mlflow_run_id = "1", "a" * 32
    run.save()
    wiring.run_folder(run.name).log.write_text("said")
    ModelVersion.objects.create(run=run, name="main.default.helper", version=1, uri="models:/main.default.helper/1")
    Run.objects.filter(pk=run.pk).update(register_to="main.default.helper")
    sharing.claim(Run.objects.get(pk=run.pk))
    token, _ = access.create_token(by=owner, name="old")
    webhook = Webhook.objects.create(owner=owner, url="https://hooks.example.org/", secret="whsec_")
    delivery = Delivery.objects.create(webhook=webhook, type="ping", payload={}, state="given_up")
    check = Taking.objects.create(owner=owner, task_type="CHAT_COMPLETION", source="large.jsonl", job={})
    draft = Draft.objects.create(owner=owner, values={"model": base_model.name, "task_type": "CHAT_COMPLETION"})
    return {
        "runs/<slug:name>": f"runs/{run.name}",
        "runs/<label:name>": f"runs/{run.name}",
        "data/<slug:name>": f"data/{dataset.name}",
        "datasets/<label:name>": f"datasets/{dataset.name}",
        "<key:number>": "1",
        "base-models/<path:name>": f"base-models/{base_model.name}",
        "base-models/<slashed:name>": f"base-models/{base_model.name}",
        "registered-models/<str:name>": "registered-models/main.default.helper",
        "registered-models/<label:name>/versions/<small:version>": "registered-models/main.default.helper/versions/1",
        "registered-models/<label:name>": "registered-models/main.default.helper",
        "models/<str:name>": "models/main.default.helper",
        "files/<str:key>": f"files/file-{dataset.name}",
        "fine_tuning/jobs/<str:key>": f"fine_tuning/jobs/ftjob-{run.name}",
        "v1/models/<path:key>": f"v1/models/{base_model.name}",
        "base-model-families/<label:family>": f"base-model-families/{base_model.family}",
        "licences/<label:key>": f"licences/{base_model.licence.key}",
        "checks/<slug:key>": f"checks/{check.key}",
        "checks/<label:key>": f"checks/{check.key}",
        "<slug:key>": draft.key,
        "<label:upload>": arrivals.begin(by=owner, filename="rows.jsonl", size=9).key,
        "<step:step>": "model",
        "<tab:tab>": "events",
        "uploads/<label:upload>": f"uploads/{arrivals.begin(by=owner, filename='rows.jsonl', size=10).key}",
        "reset/<uidb64>/<token>": "reset/MQ/x-y",
        "invitation/<str:token>": "invitation/" + invitations.invite(by=admin, **INVITED)[1],
        "sessions/<int:pk>": f"sessions/{Visit.objects.create(user=owner, key='elsewhere').pk}",
        "tokens/<int:pk>": f"tokens/{token.pk}",
        "tokens/<key:key>": f"tokens/{token.pk}",
        "help/<slug:slug>": "help/first-run",
        "<uuid:delivery>": str(delivery.pk),
        "webhooks/<key:key>": f"webhooks/{delivery.webhook_id}",
        "webhooks/<int:pk>": f"webhooks/{delivery.webhook_id}",
        "secrets/<slug:name>": "secrets/hub_token",
        "<str:kind>/<str:name>": "catalog/main",
        "^api/2\\.0/fs/files/(?P<path>Volumes/.*)$": "api/2.0/fs/files/Volumes/main/default/shared/seen.txt",
        "^api/2\\.0/fs/directories/(?P<path>Volumes/.*)$": "api/2.0/fs/directories/Volumes/main/default/shared/folder",
        "fs/list": "fs/list?path=/Volumes/main/default/shared",
        "mlflow/<path:rest>": "mlflow/experiments/search",
        "mlflow-artifacts/artifacts/<path:path>": f"mlflow-artifacts/artifacts/1/{run.mlflow_run_id}/artifacts/a.txt",
        "WorkspaceInternal/Mlflow/Artifacts/<path:path>": f"WorkspaceInternal/Mlflow/Artifacts/1/Runs/{'a' * 32}/a",
        "get-artifact": f"get-artifact?run_uuid={run.mlflow_run_id}&path=a.txt",
        "Models/<path:path>": "Models/main/default/helper/1/MLmodel",
        "signed/<str:token>": "signed/forged",
        "tables/<str:name>": "tables/main.default.seen",
        "volumes/<str:name>": "volumes/main.default.shared",
        "clusters/get": "clusters/get?cluster_id=finetuning-ui",
    }


def address(route: str, things: dict[str, str]) -> str:
    for part, thing in things.items():
        route = route.replace(part, thing)
    assert "<" not in route, f"the walk has nothing for {route}; add it to `things`"
    return route


def lay_out_volume() -> None:
    folder = Path(settings.VOLUMES_ROOT) / "main" / "default" / "shared" / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    folder.with_name("seen.txt").write_text("seen")


def outcome(answer: Any) -> str:
    """In one word, whichever door it came from."""
    if answer.status_code == 302 and "/login/?next=" in answer["Location"]:
        return "who"
    if answer.status_code == 500:
        return "broken"
    return {401: "who", 403: "forbidden", 404: "missing", 405: "method"}.get(answer.status_code, "through")
