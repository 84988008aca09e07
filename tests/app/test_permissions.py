"""Every address of every door, walked by every kind of person."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin as console_site
from django.test import Client
from django.urls import get_resolver

from runs.api.native import streaming
from runs.api.openai import jobs
from runs.models import (
    BaseModel,
    DataSet,
    RegisteredModel,
    Role,
    Run,
    User,
    Visibility,
)
from runs.models.user import RIGHTS
from runs.services.permissions import OPERATIONS, Whose, addresses
from runs.services.permissions.addresses import ADDRESSES
from runs.web import stream
from tests.app.conftest import PASSWORD, text
from tests.app.walking import Person, address, by_token, lay_out_volume, outcome, person_of, things_of
from tests.fakes import FakeEngine
from tests.house.test_permissions import routes

OPEN = {name for name, operation in OPERATIONS.items() if operation.right is None}


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
        person_of(name, user) for name, user in {**people, "owner": owner, "admin": admin}.items()
    ]


@pytest.fixture
def things(
    trained: tuple[Run, FakeEngine], dataset: DataSet, base_model: BaseModel, owner: User, admin: User
) -> dict[str, str]:
    return things_of(owner, admin, trained[0], dataset, base_model)


def expected(person: Person, route: str, operation: str, about_a_thing: bool) -> set[str]:
    entry, user = OPERATIONS[operation], person.user
    if entry.right is None:
        return {"through"}
    if user is None or (user.role == Role.SERVICE and not by_token(route)):
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
            lay_out_volume()
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
        person = person_of("admin", admin)
        assert outcome(person.send("GET", route)) == "forbidden"
        assert get_resolver().resolve(f"/{route}")


def test_the_help_shows_the_table(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    page = text(browser.get("/help/"))
    assert all(operation.title in page for operation in OPERATIONS.values())
