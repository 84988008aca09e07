"""Volumes in the browser, without scripts: folder by folder, and a file becomes a data set or the data of a draft."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from runs.models import DataSet, Draft, User
from runs.services import access
from tests.app.conftest import ROWS, text
from tests.offer import tiny_offer


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", str(tmp_path / "volumes"))
    folder = tmp_path / "volumes" / "main" / "default" / "raw"
    (folder / "texts").mkdir(parents=True)
    (folder / "sums & more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "qa.jsonl").write_text('{"question": "a?", "answer": "b"}\n')
    (folder / "texts" / "a.txt").write_text("One.")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out").symlink_to(tmp_path)
    return folder


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_from_the_root_to_a_data_set(browser: Client, raw: Path) -> None:
    assert "main/" in text(browser.get("/volumes/"))
    page = browser.get("/volumes/", {"path": "main/default/raw"})
    assert "sums & more.jsonl" in text(page)
    reference = "dbfs:/Volumes/main/default/raw/sums & more.jsonl"
    assert f'value="{reference}"' in text(page)
    made = browser.post("/volumes/?path=main/default/raw", {"path": reference, "task_type": "CHAT_COMPLETION"})
    dataset = DataSet.objects.get()
    assert (made["Location"], dataset.source, dataset.rows) == (f"/data/{dataset.name}/", reference, 20)
    made = browser.post("/volumes/", {"path": "dbfs:/Volumes/main/default/raw/texts", "task_type": "CONTINUED_PRETRAIN"})
    assert made["Location"] == "/data/texts/"


def test_a_mapping_is_proposed_and_confirmed(browser: Client, raw: Path) -> None:
    given = {"path": "dbfs:/Volumes/main/default/raw/qa.jsonl", "task_type": "CHAT_COMPLETION"}
    refused = browser.post("/volumes/", given)
    assert refused.status_code == 422
    shape = re.search(r'name="mapping" value="([^"]+)"', refused.content.decode())
    assert shape
    assert not DataSet.objects.exists()
    assert browser.post("/volumes/", {**given, "mapping": shape[1]}).status_code == 302
    assert DataSet.objects.get().report["mapping"] == shape[1]


def test_a_choice_goes_to_the_slot_of_the_draft(browser: Client, raw: Path, owner: User) -> None:
    model = tiny_offer()
    access.accept_licence(licence=model.licence, by=owner)
    draft = Draft.objects.create(owner=owner, values={"model": model.name, "task_type": "CHAT_COMPLETION"})
    step = f"/runs/new/{draft.key}/data/"
    where = re.search(r'href="(/volumes/\?draft=[^"]+)"', text(browser.get(step)))
    assert where
    page = text(browser.get(where[1] + "&path=main/default/raw"))
    assert f'action="{step}"' in page
    assert 'name="train_data_path-path"' in page
    reference = "dbfs:/Volumes/main/default/raw/sums & more.jsonl"
    assert browser.post(step, {"train_data_path-source": "path", "train_data_path-path": reference}).status_code == 302
    assert Draft.objects.get().values["train_data_path"] == DataSet.objects.get().name
    given = {"train_data_path-source": "path", "train_data_path-path": "dbfs:/Volumes/main/default/raw/qa.jsonl"}
    refused = text(browser.post(step, given))
    assert 'name="train_data_path-mapping" value="question_answer"' in refused
    assert browser.post(step, {**given, "train_data_path-mapping": "question_answer"}).status_code == 302


@pytest.mark.parametrize(
    "path", ["..", "main/../..", "main/default/raw/out", "%00", "a" * 5_000, "main/default/raw/qa.jsonl", "/etc"]
)
def test_nothing_beside_the_root_is_shown(browser: Client, raw: Path, path: str) -> None:
    page = browser.get("/volumes/", {"path": path})
    assert page.status_code == 200
    assert "secret" not in text(page)
    for reference in (f"dbfs:/Volumes/{path}", path):
        assert browser.post("/volumes/", {"path": reference, "task_type": "CONTINUED_PRETRAIN"}).status_code == 422
    assert not DataSet.objects.exists()


def test_a_viewer_looks_and_takes_nothing(client: Client, viewer: User, raw: Path) -> None:
    client.force_login(viewer)
    assert "Use" not in re.sub(r"VOLUMES|Users?", "", text(client.get("/volumes/?path=main/default/raw")).partition("<main")[2])
    answer = client.post("/volumes/", {"path": "dbfs:/Volumes/main/default/raw/qa.jsonl", "task_type": "CHAT_COMPLETION"})
    assert answer.status_code == 403
