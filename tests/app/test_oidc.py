"""Log-in with OpenID Connect against a provider that is a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from django.urls import clear_url_caches, include, path

from finetuning_ui import urls
from finetuning_ui.stack.addresses import free
from runs.models import AuditEntry, Role, User
from tests.app.conftest import text

CALLBACK = "/login/oidc/sso/login/callback/"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    port = next(number for number in range(31_000, 32_000) if free(number))
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            assert process.poll() is None
            try:
                httpx.get(f"{url}/.well-known/openid-configuration").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def offered(provider: str, settings: Any) -> Iterator[str]:
    """The product with this provider in its settings."""
    app = {"provider_id": "sso", "name": "Example Corp", "client_id": "us", "secret": "s3cret"}
    options = {"server_url": provider, "oauth_pkce_enabled": True}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [{**app, "settings": options}]}}
    settings.OIDC_ISSUER, settings.OIDC_NAME = provider, "Example Corp"
    entry = path("login/", include("allauth.socialaccount.providers.openid_connect.urls"))
    urls.urlpatterns.insert(0, entry)
    clear_url_caches()
    yield provider
    urls.urlpatterns.remove(entry)
    clear_url_caches()


def come(provider: str, sub: str, **claims: object) -> tuple[Client, Any]:
    """A browser's way to the provider and back."""
    httpx.put(f"{provider}/users/{sub}", json=claims).raise_for_status()
    browser = Client()
    away = browser.get("/login/oidc/sso/login/")
    assert away.status_code == 302, text(away)
    assert away["Location"].startswith(provider)
    back = httpx.post(away["Location"], data={"sub": sub})
    assert back.status_code in (302, 303), back.text
    where = urlsplit(back.headers["Location"])
    assert where.path == CALLBACK
    return browser, browser.get(f"{where.path}?{where.query}", follow=True)


def test_who_comes_for_the_first_time_gets_an_account_with_the_least_role(db: None, offered: str) -> None:
    assert "Log in with Example Corp" in text(Client().get("/login/"))
    browser, answer = come(offered, "nia", email="nia@example.org", email_verified=True)
    assert answer.status_code == 200, text(answer)
    nia = User.objects.get(email="nia@example.org")
    assert (nia.role, nia.has_usable_password()) == (Role.VIEWER, False)
    assert browser.get("/account/").status_code == 200
    assert AuditEntry.objects.filter(action="user.create", target=nia.username).exists()
    come(offered, "nia", email="nia@example.org", email_verified=True)
    assert User.objects.count() == 1


def test_an_address_that_the_provider_vouches_for_finds_its_account(offered: str, owner: User) -> None:
    browser, _ = come(offered, "o-1", email="owner@example.org", email_verified=True)
    assert browser.session["_auth_user_id"] == str(owner.pk)
    assert User.objects.count() == 1


def test_one_that_it_does_not_vouch_for_takes_over_nothing(offered: str, owner: User) -> None:
    browser, _ = come(offered, "o-2", email="owner@example.org", email_verified=False)
    assert browser.session.get("_auth_user_id") != str(owner.pk)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.SERVICE}])
def test_who_is_switched_off_or_a_service_stays_outside(offered: str, owner: User, change: dict[str, Any]) -> None:
    User.objects.filter(pk=owner.pk).update(**change)
    browser, answer = come(offered, "o-3", email="owner@example.org", email_verified=True)
    assert "did not work out" in text(answer)
    assert browser.get("/account/").status_code == 302


def test_an_answer_that_nobody_asked_for_is_refused(db: None, offered: str) -> None:
    answer = Client().get(f"{CALLBACK}?code=x&state=y", follow=True)
    assert "did not work out" in text(answer)
    assert not User.objects.exists()
