"""The odd files again, through the doors: REST, the page Data, the wizard. None breaks anything, none passes in silence."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import DataSet, Draft, User
from runs.services import access
from tests.app.conftest import caller, text
from tests.oddities import Odd, odd_files
from tests.offer import tiny_offer


@pytest.fixture(autouse=True)
def _empty_scratch() -> None:
    """What other tests of this process put there is not ours to judge."""
    for path in half_made():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def half_made() -> list[Path]:
    return list(wiring.scratch().iterdir())


def file(odd: Odd) -> SimpleUploadedFile:
    return SimpleUploadedFile(odd.name, odd.content, content_type="application/octet-stream")


def test_rest_says_what_each_is(owner: User) -> None:
    _, token = access.create_token(by=owner, name="x")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    given = odd_files()[::3]
    for odd in given:
        answer = client.post("/api/v1/datasets", {"file": file(odd), "task_type": odd.task.value})
        told: dict[str, Any] = answer.json()
        if odd.ok:
            assert answer.status_code == 201, (odd, told)
            report = told["report"]
        else:
            assert (answer.status_code, told["code"], told["field"]) == (400, "bad_data", "file"), (odd, told)
            assert "Traceback" not in told["detail"]
            report = told["report"]
        assert {group["kind"] for group in report["groups"]} == set(odd.kinds), odd
    assert DataSet.objects.count() == sum(odd.ok for odd in given)
    assert half_made() == []


def test_the_page_data_says_what_each_is(client: Client, owner: User) -> None:
    client.force_login(owner)
    for odd in odd_files()[1::6]:
        answer = client.post("/data/", {"file": file(odd), "task_type": odd.task.value})
        assert answer.status_code == (302 if odd.ok else 422), odd
        if not odd.ok:
            report = client.get("/data/refused.json").json()
            assert {group["kind"] for group in report["groups"]} == set(odd.kinds), odd
            assert report["groups"][0]["problems"][0]["remedy"] in text(answer)
            assert "Download the whole report" in text(answer)
    assert half_made() == []


def test_the_wizard_says_of_each_kind_what_it_is(client: Client, owner: User) -> None:
    """One file of each kind: its step looks at the chosen data at length, and judges files as the others do."""
    model = tiny_offer()
    access.accept_licence(licence=model.licence, by=owner)
    client.force_login(owner)
    drafts: dict[TaskType, Draft] = {}
    for odd in {odd.kinds: odd for odd in odd_files()}.values():
        draft = drafts.setdefault(
            odd.task, Draft.objects.create(owner=owner, values={"model": model.name, "task_type": odd.task.value})
        )
        answer = client.post(f"/runs/new/{draft.key}/data/", {"train_data_path-file": file(odd), "go": "next"})
        assert answer.status_code == (302 if odd.ok else 422), odd
        if not odd.ok:
            assert "Download the whole report" in text(answer), odd
    assert half_made() == []


@pytest.mark.parametrize(
    "name", ["../../x.jsonl", "x" * 250 + ".jsonl", "\x07\x1b.jsonl", "", ".", "..", "con.jsonl", "a\nb.jsonl", "日本.jsonl"]
)
def test_a_file_name_is_only_a_name(owner: User, name: str) -> None:
    assert caller(owner)("GET", "datasets").status_code == 200
    _, token = access.create_token(by=owner, name="x")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    upload = SimpleUploadedFile("rows.jsonl", odd_files()[8].content)
    upload._name = name  # type: ignore[attr-defined]
    answer = client.post("/api/v1/datasets", {"file": upload, "task_type": "CHAT_COMPLETION"})
    assert answer.status_code in (201, 400), answer.content
    assert half_made() == []
