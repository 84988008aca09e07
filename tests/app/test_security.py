"""What every answer says to the browser, and what settings make of the environment."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client

from finetuning_ui import settings as product
from finetuning_ui.security import POLICY, content_security_policy


def test_every_page_carries_the_policy_also_one_that_does_not_exist(client: Client) -> None:
    for path in ("/healthz", "/no-such-page"):
        assert client.get(path).headers["Content-Security-Policy"] == POLICY


def test_the_policy_is_there_when_served_as_asgi(async_client: AsyncClient) -> None:
    answer = async_to_sync(async_client.get)("/healthz")
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_a_view_may_set_a_policy_of_its_own() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})
    answer = content_security_policy(lambda request: own)(HttpRequest())
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"  # type: ignore[union-attr]


def test_the_middleware_stays_asynchronous_in_an_asynchronous_chain() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok")

    handler = content_security_policy(view)
    assert asyncio.iscoroutinefunction(handler)


def test_nothing_inline_and_nothing_from_elsewhere_is_allowed() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "frame-ancestors 'none'" in POLICY


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:pass%40word@db.example:5433/runs", ("runs", "me", "pass@word", "db.example", "5433")),
        ("postgres:///runs?host=/run/postgresql&user=me", ("runs", "me", "", "/run/postgresql", "")),
    ],
)
def test_a_database_url_is_read_as_libpq_reads_it(url: str, expected: tuple[str, ...]) -> None:
    database = product._database(url)
    assert tuple(database[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == expected


def test_what_libpq_knows_besides_is_passed_on() -> None:
    assert product._database("postgresql://db/x?sslmode=require")["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://me:x@mail.example", 587, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtp://localhost:25", 25, False, False),
    ],
)
def test_mail_is_encrypted_where_a_password_travels(url: str, port: int, tls: bool, ssl: bool) -> None:
    mail = product._email(url)
    assert (mail["EMAIL_PORT"], mail["EMAIL_USE_TLS"], mail["EMAIL_USE_SSL"]) == (port, tls, ssl)


def test_safe_unless_asked_otherwise() -> None:
    assert not product.DEBUG
    assert product.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert "*" not in product.ALLOWED_HOSTS
    assert len(product.SECRET_KEY) >= 50
