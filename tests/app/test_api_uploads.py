"""Data sets through the REST door: as a form and as raw bytes, good and bad."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs.models import DataSet, User
from runs.services import access

CHAT = "".join(
    json.dumps({"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": str(n)}]}) + "\n"
    for n in range(12)
).encode()


@pytest.fixture
def headers(owner: User) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {access.create_token(by=owner, name='x')[1]}"}


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


def as_form(browser: Client, headers: dict[str, str], content: bytes, name: str = "sums.jsonl", **fields: str) -> Any:
    form = {"file": SimpleUploadedFile(name, content), "task_type": "CHAT_COMPLETION", **fields}
    return browser.post("/api/v1/datasets", form, **headers)


def as_bytes(browser: Client, headers: dict[str, str], content: bytes, query: str, media: str = "application/jsonl") -> Any:
    return browser.post(f"/api/v1/datasets?{query}", content, content_type=media, **headers)


def test_a_form_with_a_file_becomes_a_data_set(browser: Client, headers: dict[str, str]) -> None:
    answer = as_form(browser, headers, CHAT, name="Help desk.jsonl")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["name"], made["rows"], made["source"], made["task_type"]) == (
        "help-desk",
        12,
        "Help desk.jsonl",
        "CHAT_COMPLETION",
    )
    assert answer.headers["Location"].endswith("/api/v1/datasets/help-desk")
    rows = b"".join(browser.get("/api/v1/datasets/help-desk/rows.jsonl", **headers).streaming_content)
    assert [json.loads(row) for row in rows.splitlines()] == [json.loads(row) for row in CHAT.splitlines()]
    assert browser.delete("/api/v1/datasets/help-desk", **headers).status_code == 204
    assert browser.get("/api/v1/datasets/help-desk", **headers).status_code == 404


@pytest.mark.parametrize("path", ["datasets", "checks"])
def test_of_two_files_none_is_passed_over_in_silence(browser: Client, headers: dict[str, str], path: str) -> None:
    two = [SimpleUploadedFile("a.jsonl", CHAT), SimpleUploadedFile("b.jsonl", CHAT)]
    answer = browser.post(f"/api/v1/{path}", {"file": two, "task_type": "CHAT_COMPLETION"}, **headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "file")
    assert not DataSet.objects.exists()


@pytest.mark.parametrize("media", ["application/jsonl", "application/x-ndjson", "application/octet-stream", "text/plain"])
def test_raw_bytes_become_a_data_set(browser: Client, headers: dict[str, str], media: str) -> None:
    answer = as_bytes(browser, headers, CHAT, "name=raw&task_type=CHAT_COMPLETION", media)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["name"], answer.json()["rows"]) == ("raw", 12)


def test_a_name_that_is_taken_gets_a_number(browser: Client, headers: dict[str, str]) -> None:
    assert [as_form(browser, headers, CHAT, name="a.jsonl").json()["name"] for _ in range(2)] == ["a", "a-2"]


def test_what_is_wrong_with_a_row_is_said_with_its_line(browser: Client, headers: dict[str, str]) -> None:
    answer = as_form(browser, headers, CHAT + b'{"messages": [{"role": "wizard", "content": "hm"}]}\nno json\n')
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (400, "bad_data", "file")
    assert {13, 14} <= {found["line"] for found in _problems(problem["report"])}
    assert not DataSet.objects.exists()


def _problems(report: Any) -> list[dict[str, Any]]:
    """All findings with a line, however deep they are grouped."""
    if isinstance(report, dict):
        own = [report] if "line" in report else []
        return own + [found for value in report.values() for found in _problems(value)]
    return [found for value in report for found in _problems(value)] if isinstance(report, list) else []


FILES = {
    "empty": b"",
    "blank lines": b"\n\n\n",
    "binary": bytes(range(256)) * 20,
    "NULs": b"\x00" * 500,
    "UTF-16": CHAT.decode().encode("utf-16"),
    "not JSON": b"a,b\nhello\n",
    "arrays": b"[1]\n[2]\n",
    "other keys": b'{"question": "a"}\n',
    "NUL in a row": b'{"messages": [{"role": "user", "content": "\\u0000"}, {"role": "assist\\u0000ant", "content": "x"}]}\n',
    "half a surrogate pair": b'{"messages": [{"role": "user", "content": "\\ud800"}]}\n',
    "deep": b'{"messages": ' + b"[" * 50_000 + b"\n",
    "a zip by its name": b"PK\x03\x04" + b"\x00" * 100,
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_that_cannot_be_trained_on(browser: Client, headers: dict[str, str], content: bytes) -> None:
    for answer in (as_form(browser, headers, content), as_bytes(browser, headers, content, "name=x&task_type=CHAT_COMPLETION")):
        assert answer.status_code == 400, answer.content[:300]
        assert answer.json()["code"] == "bad_data"
        assert answer.json()["detail"]
    assert not DataSet.objects.exists()


@pytest.mark.parametrize(
    ("query", "field"),
    [("name=x", "task_type"), ("task_type=DANCE", "task_type"), ("task_type=CHAT_COMPLETION&name=" + "x" * 101, "name"),
     ("task_type=CHAT_COMPLETION&colour=red", "colour"), ("task_type=CHAT_COMPLETION&name=%00", "")],
)  # fmt: skip
def test_a_query_that_makes_no_sense(browser: Client, headers: dict[str, str], query: str, field: str) -> None:
    answer = as_bytes(browser, headers, CHAT, query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_a_form_without_a_file_or_with_a_broken_frame(browser: Client, headers: dict[str, str]) -> None:
    without = browser.post("/api/v1/datasets", {"task_type": "CHAT_COMPLETION", "file": "a text"}, **headers)
    assert (without.status_code, without.json()["field"]) == (400, "file")
    broken = browser.post("/api/v1/datasets", b"--x\r\nhm", content_type="multipart/form-data; boundary=y", **headers)
    assert broken.status_code == 400
    unbounded = browser.post("/api/v1/datasets", b"hm", content_type="multipart/form-data", **headers)
    assert unbounded.status_code == 400
    empty = browser.post("/api/v1/datasets?task_type=CHAT_COMPLETION", b"", content_type="application/jsonl", **headers)
    assert empty.status_code == 400


def test_json_is_no_upload(browser: Client, headers: dict[str, str]) -> None:
    assert browser.post("/api/v1/datasets", "{}", content_type="application/json", **headers).status_code == 415


def test_a_file_name_is_never_a_path(browser: Client, headers: dict[str, str]) -> None:
    answer = as_form(browser, headers, CHAT, name="../../../etc/cron.jsonl")
    assert answer.status_code == 201
    assert "/" not in answer.json()["name"]


def test_a_viewer_uploads_nothing(browser: Client, viewer: User) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {access.create_token(by=viewer, name='x')[1]}"}
    assert as_form(browser, headers, CHAT).json()["code"] == "not_allowed"
