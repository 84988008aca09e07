"""A secret is planted, used for a run from data to MLflow, and then looked for everywhere."""

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from runs.contract.spec import TaskType
from runs.models import BaseModel, DataSet, User
from runs.services import access, dispatch, lifecycle, mirroring, progress, secrets
from tests.app.conftest import PASSWORD, text
from tests.fakes import FakeLauncher
from tests.verification.test_hub import ROWS, lines, serving

TOKEN = "hf_good"  # what the hub of the tests lets in


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client(raise_request_exception=False)
    assert client.login(username="owner", password=PASSWORD)
    return client


def rows_of(cursor: "psycopg.Cursor[tuple[str]]") -> Iterator[str]:
    """Every row of every table, as text."""
    cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT t::text FROM {table} t")  # type: ignore[arg-type]
        yield from (row for (row,) in cursor.fetchall())


def files() -> Iterator[Path]:
    """All files of this installation, but for those of the database server itself."""
    inside = (path for path in settings.DATA_DIR.rglob("*") if path.is_file())
    return (path for path in inside if "postgres" not in path.relative_to(settings.DATA_DIR).parts)


def test_a_planted_secret_is_found_nowhere(
    browser: Client,
    console: Client,
    owner: User,
    base_model: BaseModel,
    launcher: FakeLauncher,
    mlflow_server: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    access.accept_licence(licence=base_model.licence, by=owner)
    said.append(text(browser.post("/account/secrets/hub_token/", {"value": TOKEN}, follow=True)))
    said.append(text(console.post("/admin/runs/secret/add/", {"name": "hub_token", "text": TOKEN}, follow=True)))
    with serving(tmp_path / "hub", tmp_path / "hub.log") as hub:
        monkeypatch.setattr(settings, "HF_ENDPOINT", hub.url)
        hub.put("org/sums", {"train.jsonl": lines(ROWS)}, gated=True)
        wanted = {"model": base_model.name, "task_type": "INSTRUCTION_FINETUNE", "register_to": "main.default"}
        asked = lifecycle.read_request({**wanted, "train_data_path": "org/sums/train"})
        run = lifecycle.submit(by=owner, asked=asked)  # the gate opened: the token arrived where it belongs
        lost = {**wanted, "train_data_path": "org/gone/train"}
        said.append(text(browser.post("/api/v1/runs", lost, content_type="application/json")))
        assert any(token == f"Bearer {TOKEN}" for _, token in hub.asked())
    dispatch.start_waiting()
    launcher.engines[run.name].trains()
    run.refresh_from_db()
    progress.advance(run.pk, run.lease_token)
    mirroring.mirror()
    run.refresh_from_db()
    assert run.mlflow_run_id
    dataset = DataSet.objects.get(task_type=TaskType.INSTRUCTION_FINETUNE)

    said += [text(browser.get(path)) for path in ("/account/", f"/runs/{run.name}/", f"/data/{dataset.name}/", "/data/")]
    said += [text(browser.get(f"/api/v1/{path}")) for path in (f"runs/{run.name}", f"runs/{run.name}/spec", "datasets")]
    said += [
        text(console.get(f"/admin/{path}")) for path in ("", "runs/secret/", "runs/auditentry/", f"runs/run/{run.pk}/change/")
    ]
    said += _error_pages(browser, monkeypatch)

    assert [page for page in said if TOKEN in page] == []
    assert [
        record.getMessage() for record in caplog.records if TOKEN in record.getMessage() or TOKEN in (record.exc_text or "")
    ] == []
    with connection.cursor() as cursor:
        assert [row for row in rows_of(cursor) if TOKEN in row] == []
    with psycopg.connect(settings.EMBEDDED.mlflow_database_url.replace("+psycopg", "")) as mlflow:
        kept = list(rows_of(mlflow.cursor()))
    assert any(run.name in row for row in kept)
    assert [row for row in kept if TOKEN in row] == []
    assert [path for path in files() if TOKEN.encode() in path.read_bytes()] == []


def _error_pages(browser: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown when keeping a secret breaks down half-way, to people and with DEBUG."""

    def broken(*, name: str, value: str, **_: object) -> None:
        copy = value
        raise RuntimeError(f"{name} with {len(copy)} characters")

    monkeypatch.setattr(secrets, "put", broken)
    pages = []
    for debug in (False, True):
        monkeypatch.setattr(settings, "DEBUG", debug)
        answer = browser.post("/account/secrets/hub_token/", {"value": TOKEN}, HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
        assert answer.status_code == 500
        pages.append(text(answer))
    assert "RuntimeError" in pages[1]
    return pages
