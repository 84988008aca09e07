"""REST about files that are only looked at: the report, and with a base model the counts and advice."""

import gzip
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs import wiring
from runs.models import BaseModel, DataSet, User
from runs.services import access, taking, trying
from tests.offer import tiny_offer

QUESTIONS = [[{"role": "user", "content": f"Where is {n}?"}, {"role": "assistant", "content": "There."}] for n in range(30)]
CHAT = "".join(json.dumps({"messages": messages}) + "\n" for messages in QUESTIONS).encode()


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def send(owner: User) -> Any:
    """`send(path, filename, content, field=...)` posts a form as this person."""
    token = access.create_token(by=owner, name="script")[1]

    def post(path: str, filename: str, content: bytes, **fields: object) -> Any:
        form = {"file": SimpleUploadedFile(filename, content), "task_type": "CHAT_COMPLETION", **fields}
        return Client().post(f"/api/v1/{path}", form, headers={"Authorization": f"Bearer {token}"})

    return post


def test_counts_and_advice_are_those_of_the_page(send: Any, model: BaseModel, owner: User, client: Client) -> None:
    got = send("checks", "a.jsonl", CHAT, model=model.name, context_length=16, training_duration="9ep").json()
    assert {one["kind"] for one in got["advice"]} == {"nothing_to_train", "truncated", "many_epochs"}
    assert not DataSet.objects.exists()
    client.force_login(owner)
    name = send("datasets", "a.jsonl", CHAT).json()["name"]
    page = client.get(f"/api/v1/datasets/{name}/profile?model={model.name}&context_length=16&training_duration=9ep").json()
    assert (got["ok"], got["profile"], got["advice"]) == (True, page["profile"], page["advice"])


def test_little_text_is_said_to_be_little(send: Any, model: BaseModel) -> None:
    fields = {"model": model.name, "task_type": "CONTINUED_PRETRAIN"}
    got = send("checks", "a.txt", b"Some text. " * 99, **fields).json()
    assert [one["kind"] for one in got["advice"]] == ["few_tokens", "file_size"]
    assert "1.5 million" in got["advice"][0]["message"]


def test_what_would_take_long_is_not_counted_while_one_waits(
    send: Any, model: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "MOST_COUNTED", 100)
    got = send("checks", "a.jsonl", CHAT, model=model.name).json()
    assert (got["ok"], got["profile"], got["advice"]) == (True, None, [])
    assert "in the background" in got["trouble"]


def test_what_is_large_is_sent_to_the_door_that_checks_it_in_the_background(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MOST", len(CHAT))
    monkeypatch.setattr(taking, "MOST_PACKED", 50)
    assert send("checks", "a.jsonl", CHAT).status_code == 200
    for name, content in (("a.jsonl", CHAT + CHAT), ("a.jsonl.gz", gzip.compress(CHAT))):
        got = send("checks", name, content)
        assert (got.status_code, got.json()["code"], got.json()["field"]) == (413, "too_large", "file")
        assert "POST /api/v1/datasets" in got.json()["detail"]
    assert not list(wiring.scratch().iterdir())


def test_what_is_wrong_with_the_plan_is_named(send: Any, model: BaseModel) -> None:
    def refused(**fields: object) -> str:
        answer = send("checks", "a.jsonl", CHAT, **fields)
        assert 400 <= answer.status_code < 500
        return answer.json()["field"]

    assert refused(model="none/such") == "model"
    assert refused(model=model.name, context_length=1 << 30) == "context_length"
    assert refused(model=model.name, training_duration="soon") == "training_duration"
    faulty = send("checks", "a.jsonl", b"{}\n", model=model.name).json()
    assert (faulty["ok"], faulty["profile"]) == (False, None)


def test_a_setting_is_in_order_wherever_it_stands_and_the_forms_counts(send: Any, model: BaseModel) -> None:
    assert send("checks?training_duration=" + "0" * 51, "a.jsonl", CHAT, training_duration="").status_code == 400
    assert send("checks?batch_size=0", "a.jsonl", CHAT, batch_size=4).status_code == 400
    twice = send("checks", "a.jsonl", CHAT, batch_size=[4, 8])
    assert (twice.status_code, twice.json()["field"]) == (400, "batch_size")
    got = send(f"checks?model={model.name}&context_length=1024", "a.jsonl", CHAT, context_length=16).json()
    assert got["profile"]["context_length"] == 16


def test_no_body_is_no_file(api: Any) -> None:
    answer = api("POST", "checks?task_type=CHAT_COMPLETION")
    assert (answer.status_code, answer.json()["field"]) == (400, "file")
