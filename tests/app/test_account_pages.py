"""One's own account, and the help page that reads the contract."""

import re
from typing import Any

import pytest
from django.test import Client

from runs.contract.request import RunRequest
from runs.models import ApiToken, User
from runs.services import access
from tests.app.conftest import PASSWORD


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.mark.parametrize(
    "path", ["/runs/new/", "/data/", "/base-models/", "/registered-models/", "/account/", "/help/", "/data/refused.json"]
)
def test_every_page_is_behind_the_login(client: Client, db: None, path: str) -> None:
    assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize(
    "path",
    [
        "/runs/new/?from=%00&model=%00&q=%00",
        "/runs/new/%00/data/",
        "/data/?q=%00",
        "/data/x%00/",
        "/base-models/%00/",
        "/registered-models/%00/",
        "/registered-models/?q=%00&page=9999999999999999999999",
        "/runs/new/?model=" + "x" * 3_000,
    ],
)
def test_nonsense_in_an_address_is_never_our_fault(browser: Client, path: str) -> None:
    assert browser.get(path).status_code in (200, 404)


def test_a_token_is_shown_once_works_and_is_kept_as_a_hash(browser: Client, owner: User) -> None:
    made = browser.post("/account/tokens/", {"name": "laptop", "days": "30"})
    shown = re.search(r'id="token">([^<]+)<', made.content.decode())
    assert shown
    assert access.user_for_token(shown[1]) == owner
    assert "no-store" in made["Cache-Control"]
    again = browser.get("/account/").content.decode()
    assert shown[1] not in again
    assert "laptop" in again
    assert shown[1] not in str(ApiToken.objects.values().get())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "Give the token a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "a", "days": "soon"}, "valid choice"),
    ],
)
def test_bad_tokens_are_refused_in_words(browser: Client, fields: dict[str, str], said: str) -> None:
    refused = browser.post("/account/tokens/", fields)
    assert refused.status_code == 422
    assert said in text(refused)
    assert not ApiToken.objects.exists()


def test_revoking_asks_first_and_then_the_token_is_refused(browser: Client, owner: User) -> None:
    row, token = access.create_token(by=owner, name="laptop")
    assert "Revoke the token “laptop”?" in text(browser.get(f"/account/tokens/{row.pk}/revoke/"))
    assert access.user_for_token(token) == owner
    browser.post(f"/account/tokens/{row.pk}/revoke/")
    assert access.user_for_token(token) is None
    assert "revoked" in text(browser.get("/account/"))


def test_nobody_revokes_anothers_token_here(browser: Client, colleague: User) -> None:
    row, token = access.create_token(by=colleague, name="theirs")
    assert browser.post(f"/account/tokens/{row.pk}/revoke/").status_code == 404
    assert access.user_for_token(token) == colleague


def test_changing_the_password_keeps_one_logged_in(browser: Client, owner: User) -> None:
    new = "another long and private sentence"
    answer = browser.post("/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert answer["Location"] == "/account/"
    owner.refresh_from_db()
    assert owner.check_password(new)
    assert browser.get("/account/").status_code == 200


def test_a_wrong_old_password_or_a_weak_new_one_is_refused_at_its_field(browser: Client, owner: User) -> None:
    refused = browser.post("/account/password/", {"old_password": "no", "new_password1": "123", "new_password2": "123"})
    assert refused.status_code == 422
    assert "too short" in text(refused)
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_accepted_licences_and_role_are_shown(browser: Client, accepted: None) -> None:
    page = text(browser.get("/account/"))
    assert "Open licence 1.0" in page
    assert "Data scientist" in page


def test_a_viewer_is_told_what_the_role_allows(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "start nothing" in text(client.get("/account/"))


def test_the_help_page_has_every_setting_of_the_contract(browser: Client) -> None:
    page = browser.get("/help/").content.decode()
    fields = RunRequest.model_fields
    assert [name for name in fields if f">{name}<" not in page] == []
    assert all(str(field.title) in page for field in fields.values())
