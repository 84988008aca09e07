"""Which server is meant, and what one hears when there is none."""

import json
import stat
from pathlib import Path

import pytest

from finetuning_ui import client as package
from finetuning_ui.client import ApiError, Client, ConnectionFailed, NotConfigured, connection
from finetuning_ui.client import foundation_model as fm
from finetuning_ui.client.connection import Credentials, credentials, save


def test_without_a_word_about_the_server_one_is_told_what_to_set() -> None:
    with pytest.raises(NotConfigured, match="FTUI_HOST"):
        fm.get_models()


def test_our_variables_come_before_theirs_and_both_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    save(Credentials("http://file", "f"))
    assert credentials() == Credentials("http://file", "f")
    monkeypatch.setenv("DATABRICKS_HOST", "workspace.example/")
    monkeypatch.setenv("DATABRICKS_TOKEN", "d")
    assert credentials() == Credentials("https://workspace.example", "d")
    monkeypatch.setenv("FTUI_HOST", "http://127.0.0.1:8000/")
    assert credentials().token == "d"  # a host without a token is no way in
    monkeypatch.setenv("FTUI_TOKEN", "t")
    assert credentials() == Credentials("http://127.0.0.1:8000", "t")


def test_the_file_is_for_its_owner_alone(home: Path) -> None:
    path = save(Credentials("http://one", "1"))
    assert path == home / ".config" / "ftui.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save(Credentials("http://two", "2"))
    assert json.loads(path.read_text()) == {"host": "http://two", "token": "2"}
    assert [entry.name for entry in path.parent.iterdir()] == ["ftui.json"]


@pytest.mark.parametrize("broken", ["", "[]", '{"host": "http://x"}', "\ufeffno"])
def test_a_broken_file_is_named(home: Path, broken: str) -> None:
    save(Credentials("http://one", "1")).write_text(broken)
    with pytest.raises(NotConfigured, match=r"ftui\.json"):
        credentials()


def test_a_token_is_not_shown_by_mistake() -> None:
    assert "secret" not in repr(Credentials("http://x", "secret"))


def test_a_server_that_is_away_is_said_to_be_away() -> None:
    with pytest.raises(ConnectionFailed, match="does not answer"):
        connection.connect("http://127.0.0.1:9", "t").whoami()


@pytest.mark.parametrize(("host", "token"), [("http://[", "t"), ("http://x", "two\nlines"), ("http://x", "zwölf ümlaut ☃")])
def test_what_cannot_be_an_address_or_a_token_is_said_at_once(host: str, token: str) -> None:
    with pytest.raises(NotConfigured):
        Client(host, token)


@pytest.mark.django_db(transaction=True)
def test_names_lead_nowhere_but_to_runs(server: str) -> None:
    for name in ("../whoami", "..", "", "a/b", "a?b", "x" * 300, "ü%2e"):
        with pytest.raises(ApiError) as refused:
            fm.get(name)
        assert refused.value.status == 404, name


@pytest.mark.django_db(transaction=True)
def test_a_wrong_token_is_refused(server: str) -> None:
    with pytest.raises(ApiError) as refused:
        Client(server, "ftui_wrong").whoami()
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")


@pytest.mark.django_db(transaction=True)
def test_another_program_at_that_address_is_no_server_of_ours(server: str) -> None:
    client = Client(server + "/static/nothing", "t")
    with pytest.raises(ApiError, match="no answer of a Finetuning UI server"):
        client.whoami()


def test_every_public_name_is_there() -> None:
    assert all(hasattr(package, name) for name in package.__all__)
    assert all(hasattr(fm, name) for name in fm.__all__)
