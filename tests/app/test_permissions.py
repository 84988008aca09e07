"""Every address of every door, walked by every kind of person."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from deltalake import write_deltalake
from django.conf import settings
from django.contrib import admin as console_site
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from runs import wiring
from runs.api.native import streaming
from runs.api.openai import jobs
from runs.models import (
    BaseModel,
    DataSet,
    Delivery,
    Draft,
    ModelVersion,
    RegisteredModel,
    Role,
    Run,
    Taking,
    User,
    Visibility,
    Webhook,
)
from runs.models.login import Visit
from runs.models.user import RIGHTS
from runs.services import access, arrivals, invitations, sharing
from runs.services.permissions import OPERATIONS, Whose, addresses
from runs.services.permissions.addresses import ADDRESSES
from runs.web import stream
from tests.app.conftest import PASSWORD, text
from tests.fakes import FakeEngine
from tests.house.test_permissions import routes

OPEN = {name for name, operation in OPERATIONS.items() if operation.right is None}


def _by_token(path: str) -> bool:
    return ("api/" in path or path.startswith(("v1/", "get-artifact"))) and path != "api/v1/docs"  # which is a page


INVITED: dict[str, Any] = {"email": "x@example.org", "role": Role.VIEWER, "team": None, "link": lambda token: token}


@dataclass(frozen=True)
class Person:
    """Somebody, with both ways in; `user` is None for who has no account."""

    name: str
    user: User | None
    browser: Client
    token: str

    def send(self, method: str, path: str) -> Any:
        header = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"} if self.token and _by_token(path) else {}
        client = Client(raise_request_exception=False)  # a fresh one: an answer may take the cookies away
        if not header:
            client.cookies = deepcopy(self.browser.cookies)
        body = {} if method == "GET" else {"data": "{}", "content_type": "application/json"}
        with transaction.atomic():
            answer = client.generic(method, f"/{path}", **body, **header)  # type: ignore[arg-type]
            transaction.set_rollback(True)
        return answer


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream gives its connection back at once; the walk's one transaction still needs it."""
    monkeypatch.setattr(jobs, "PATIENCE", 0.1)  # nobody stops these engines
    for module in (stream, streaming):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)


@pytest.fixture
def everybody(viewer: User, stranger: User, colleague: User, owner: User, admin: User) -> list[Person]:
    robot = User.objects.create(username="robot", role=Role.SERVICE, team=stranger.team)
    outside = User.objects.create_user("outsider", "", PASSWORD, role=Role.VIEWER, team=stranger.team)
    people = {"viewer": viewer, "viewer elsewhere": outside, "service": robot, "stranger": stranger, "colleague": colleague}
    return [Person("anonymous", None, Client(raise_request_exception=False), "")] + [
        _person(name, user) for name, user in {**people, "owner": owner, "admin": admin}.items()
    ]


def _person(name: str, user: User) -> Person:
    browser = Client(raise_request_exception=False)
    browser.force_login(user)
    return Person(name, user, browser, access.create_token(by=user, name="walk")[1])


@pytest.fixture
def things(
    trained: tuple[Run, FakeEngine], dataset: DataSet, base_model: BaseModel, owner: User, admin: User
) -> dict[str, str]:
    """What stands for each part of an address: all of it is the owner's, and seen by the team."""
    run, _ = trained
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


def _lay_out_volume() -> None:
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


def expected(person: Person, route: str, operation: str, about_a_thing: bool) -> set[str]:
    entry, user = OPERATIONS[operation], person.user
    if entry.right is None:
        return {"through"}
    if user is None or (user.role == Role.SERVICE and not _by_token(route)):
        return {"who"}
    if entry.right not in RIGHTS[user.role]:
        return {"forbidden"}
    if "uploads/" in route and person.name != "owner":
        return {"missing"}  # what somebody is sending is nobody else's business
    if not about_a_thing or entry.whose is Whose.ANY or person.name == "owner":
        return {"through"}
    if entry.whose is Whose.MINE or "tokens/" in route:
        return {"missing"}
    if person.name == "admin" or (entry.whose is Whose.SEEN and person.name in ("viewer", "colleague")):
        return {"through"}
    if route.endswith("unity-catalog/models/<str:name>") and operation == "registered.delete" and person.name != "colleague":
        return {"through"}  # as for a model that is not there: nothing is deleted, and nothing said
    return {"forbidden"} if person.name in ("viewer", "colleague") else {"missing"}


def walks(things: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for route, methods in ADDRESSES.items():
        if "oidc" in route:  # has a test of its own, with a provider
            continue
        for method, operation in methods.items():
            yield route, method, operation, address(route, things)


SHARED = (
    "v1/models",
    "base-models",
    "licences",
    "secrets",
    "effective",
    "fs/list",
    "Volumes",
    "mlflow/",
    "graphql",
    "Me",
    "clusters",
)  # nobody's in particular


def test_every_address_lets_through_whom_the_table_names_and_nobody_else(
    everybody: list[Person], things: dict[str, str], settings: Any
) -> None:
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"  # away, whether or not another test has started it
    wrong = []
    for route, method, operation, path in walks(things):
        about_a_thing = any(sign in route for sign in ("<", "(", "get-artifact")) and not any(part in route for part in SHARED)
        for person in everybody:
            _lay_out_volume()
            got, wanted = outcome(person.send(method, path)), expected(person, route, operation, about_a_thing)
            if method == "PATCH" and "uploads/" in route:  # a part without its offset is refused before its file is looked for
                wanted |= {"through"} if wanted == {"missing"} else set()
            if got not in wanted:
                wrong.append(f"{person.name}: {method} /{path} ({operation}) is {got}, not {' or '.join(sorted(wanted))}")
    assert not wrong, "\n".join(wrong)


def test_what_is_private_is_missing_for_everybody_but_its_owner_and_admins(
    everybody: list[Person], things: dict[str, str]
) -> None:
    for kept in (Run, DataSet, RegisteredModel):
        kept.objects.update(visibility=Visibility.PRIVATE)
    wrong = []
    for route, method, operation, path in walks(things):
        if (
            OPERATIONS[operation].whose not in (Whose.SEEN, Whose.OWN)
            or "name>" not in route
            or "token" in route
            or operation == "registered.delete"
        ):
            continue
        others = [person for person in everybody if person.name in ("colleague", "stranger")]
        wrong += [f"{who.name}: {method} /{path}" for who in others if outcome(who.send(method, path)) != "missing"]
    assert not wrong, "\n".join(wrong)


def test_a_method_that_an_address_does_not_take_is_refused(everybody: list[Person], things: dict[str, str]) -> None:
    admin, wrong = everybody[-1], []
    for route, methods in ADDRESSES.items():
        if set(methods.values()) <= OPEN or "oidc" in route:
            continue
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods.keys():
            answer = admin.send(method, address(route, things))
            if outcome(answer) != "method":
                wrong.append(f"{method} /{route}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_the_console_is_for_admins_to_its_last_page(everybody: list[Person]) -> None:
    pages = {console_path(route) for route in routes() if route.startswith("admin/") and "logout" not in route}
    wrong = []
    for path in sorted(pages):
        for person in (someone for someone in everybody if someone.name in ("anonymous", "service", "owner", "admin")):
            got = outcome(person.send("GET", path))
            if person.name != "admin" and got not in ("who", "forbidden"):
                wrong.append(f"{person.name}: /{path} is {got}")
            elif person.name == "admin" and got == "who" and "login" not in path:  # forbidden: nobody adds or deletes history
                wrong.append(f"admin: /{path} is {got}")
    assert not wrong, "\n".join(wrong)
    assert len(pages) > 3 * len(console_site.site._registry)


def console_path(route: str) -> str:
    for part in ("<path:object_id>", "<int:key>", "<int:content_type_id>", "<id>", "<int:pk>"):
        route = route.replace(part, "1")
    return route.replace("(?P<app_label>auth|runs)", "runs").replace("^", "").replace("$", "").replace("(?P<url>.*)", "nothing")


def test_an_address_that_is_in_no_table_is_for_nobody(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ("help/", "api/v1/whoami", "api/2.1/clusters/list")
    left = {route: methods for route, methods in ADDRESSES.items() if route not in missing}
    monkeypatch.setattr(addresses, "ADDRESSES", left)
    for route in missing:
        person = _person("admin", admin)
        assert outcome(person.send("GET", route)) == "forbidden"
        assert get_resolver().resolve(f"/{route}")


def test_the_help_shows_the_table(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    page = text(browser.get("/help/"))
    assert all(operation.title in page for operation in OPERATIONS.values())
