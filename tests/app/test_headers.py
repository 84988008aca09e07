"""What every answer of every address tells the browser, as in production behind HTTPS: pages, doors, console and errors."""

import runpy
from collections.abc import Iterator
from http.cookies import Morsel
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from finetuning_ui import urls as product
from finetuning_ui.env import PROJECT, environment
from finetuning_ui.security import POLICY
from tests.app.conftest import PASSWORD
from tests.app.test_permissions import Person, console_path, everybody, one_connection, things, walks  # noqa: F401
from tests.house.test_permissions import routes

SAID = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
SHOWN = {
    "text/html",
    "application/json",
    "application/problem+json",
    "application/vnd.oai.openapi+json",
    "text/event-stream",
    "text/javascript",
}
FROM_HTTPS = (
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
)


@pytest.fixture(autouse=True)
def _behind_https(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings that HTTPS=1 makes, made anew."""
    monkeypatch.setenv("HTTPS", "1")
    environment.cache_clear()
    made = runpy.run_path(str(PROJECT / "finetuning_ui" / "settings.py"))
    environment.cache_clear()
    with override_settings(**{name: made[name] for name in FROM_HTTPS}):
        yield


def flaws(answer: Any) -> Iterator[str]:
    for header, value in SAID.items():
        if answer.headers.get(header) != value:
            yield f"{header} is {answer.headers.get(header)!r}"
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    given = answer.headers.get("Content-Disposition", "").startswith("attachment")
    if kind and kind not in SHOWN and not given and answer.request["PATH_INFO"] != "/healthz":
        yield f"{kind} is shown in the browser"
    yield from (
        f"cookie {name}" for name, cookie in answer.cookies.items() if cookie.value and not _is_kept_close(name, cookie)
    )


def _is_kept_close(name: str, cookie: Morsel[str]) -> bool:
    read_by_script = name == settings.CSRF_COOKIE_NAME  # htmx sends it back as a header
    return bool(cookie["secure"] and cookie["samesite"] in ("Lax", "Strict") and (cookie["httponly"] or read_by_script))


def get(person: Person, address: str) -> Any:
    """A page with the session, a door with the token: never with both."""
    by_token = person.token and ("api/" in address or address.startswith("v1/"))
    if by_token:
        return Client(raise_request_exception=False).get(
            f"/{address}", secure=True, HTTP_AUTHORIZATION=f"Bearer {person.token}"
        )
    return person.browser.get(f"/{address}", secure=True)


def test_every_address_says_it(everybody: list[Person], things: dict[str, str]) -> None:  # noqa: F811
    anonymous, owner, admin = everybody[0], everybody[-2], everybody[-1]
    addresses = [address for _, method, _, address in walks(things) if method == "GET" and not address.startswith("logout")]
    console = [console_path(route) for route in routes() if route.startswith("admin/") and "logout" not in route]
    wrong, seen = [], set()
    for person, asked in ((anonymous, addresses + console[:3]), (owner, addresses), (admin, console)):
        for address in asked:
            answer = get(person, address)
            seen.add((answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0]))
            wrong += [f"{person.name}: /{address}: {flaw}" for flaw in flaws(answer)]
    assert not wrong, "\n".join(wrong)
    assert {(200, "text/html"), (302, "text/html"), (401, "application/problem+json"), (200, "application/jsonl")} <= seen
    assert {(200, "text/plain"), (200, "text/csv"), (200, "application/octet-stream"), (404, "text/html")} <= seen


def _breaks(_: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken")


def _suspects(_: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("odd")


urlpatterns = [path("breaks", _breaks), path("suspects", _suspects), *product.urlpatterns]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize(
    ("address", "more", "status"),
    [
        ("/no-such-page", {}, 404),
        ("/breaks", {}, 500),
        ("/suspects", {}, 400),
        ("/", {"HTTP_HOST": "elsewhere.example"}, 400),
        ("/admin/runs/", {}, 302),
    ],
)
def test_errors_say_it_too(db: None, address: str, more: dict[str, str], status: int) -> None:
    answer = Client(raise_request_exception=False).get(address, secure=True, **more)  # type: ignore[arg-type]
    assert (answer.status_code, list(flaws(answer))) == (status, [])


def test_a_form_without_its_token_is_refused_and_says_it(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "owner", "password": PASSWORD}, secure=True)
    assert (answer.status_code, list(flaws(answer))) == (403, [])


def test_the_cookies_of_a_log_in_stay_with_the_browser(owner: Any) -> None:
    browser = Client()
    browser.get("/login/", secure=True)
    answer = browser.post("/login/", {"username": "owner", "password": PASSWORD}, secure=True)
    assert settings.SESSION_COOKIE_NAME in answer.cookies
    assert list(flaws(answer)) == []


def test_what_comes_without_tls_is_sent_to_it(db: None) -> None:
    answer = Client().get("/login/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/login/")
