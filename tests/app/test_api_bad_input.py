"""Whatever comes in, the answer is a problem document and nothing is lost: never a 500, never a traceback."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from runs.api.native import runs as runs_door
from runs.models import DataSet, Run, User
from runs.services import access, lifecycle


@pytest.fixture
def headers(owner: User) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {access.create_token(by=owner, name='x')[1]}"}


@pytest.fixture
def browser() -> Client:
    """Unlike Django's test client elsewhere, it shows a 500 as a 500."""
    return Client(raise_request_exception=False)


def check(answer: Any, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.content[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= {"type", "title", "status", "code", "detail", "field", "problems"}
    assert problem["status"] == status
    assert problem["detail"]
    assert "Traceback" not in problem["detail"]
    if code:
        assert problem["code"] == code
    return problem


BODIES = {
    "nothing that is JSON": b"hello",
    "cut off": b'{"model": "test/ti',
    "an array": b"[]",
    "a text": b'"runs"',
    "a number": b"7",
    "null": b"null",
    "NaN": b'{"learning_rate": NaN}',
    "infinity": b'{"learning_rate": -Infinity}',
    "too large a number": b'{"learning_rate": 1e999}',
    "deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a deep array": b"[" * 100_000,
    "NUL in a text": b'{"model": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "NUL deep down": b'{"eval_prompts": [{"a": ["\\u0000"]}]}',
    "a bare NUL": b'{"model": "a\x00b"}',
    "half a surrogate pair": b'{"model": "\\ud800"}',
    "latin-1": '{"model": "é"}'.encode("latin-1"),
    "UTF-16": '{"model": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"model": "a"}',
}


@pytest.mark.parametrize("path", ["runs", "estimates", "tokens"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_json_object(browser: Client, headers: dict[str, str], path: str, body: bytes) -> None:
    check(browser.post(f"/api/v1/{path}", body, content_type="application/json", **headers), 400, "unreadable_body")


VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    " ",
    "x" * 3_000,
    "\ud7ff",
    "🦙",
    "../../etc/passwd",
    "'; --",
    [],
    [[]],
    {},
    {"a": {}},
]
FIELDS = [
    "model",
    "train_data_path",
    "register_to",
    "task_type",
    "training_duration",
    "learning_rate",
    "context_length",
    "batch_size",
    "eval_prompts",
    "eval_data_path",
    "experiment_path",
    "custom_weights_path",
    "seed",
    "eval_interval",
    "method",
    "colour",
]


@pytest.mark.parametrize("field", FIELDS)
def test_any_value_in_any_field_is_an_answer_in_words(
    browser: Client, headers: dict[str, str], asked: dict[str, Any], accepted: None, field: str
) -> None:
    for value in VALUES:
        answer = browser.post("/api/v1/runs", json.dumps({**asked, field: value}), content_type="application/json", **headers)
        if answer.status_code == 201:
            continue
        assert answer.status_code in (400, 409)
        problem = check(answer, answer.status_code)
        assert problem["field"].split(".")[0] in (field, "train_data_path"), (value, problem)
        assert not problem["detail"].startswith("Input should"), problem


def test_all_that_is_wrong_is_said_at_once(browser: Client, headers: dict[str, str]) -> None:
    body = {"register_to": "x", "training_duration": "banana", "learning_rate": "fast", "colour": "red"}
    problem = check(browser.post("/api/v1/runs", json.dumps(body), content_type="application/json", **headers), 400)
    found = {entry["field"]: entry["code"] for entry in problem["problems"]}
    assert found == {
        "model": "required", "train_data_path": "required", "register_to": "invalid", "training_duration": "invalid",
        "learning_rate": "invalid", "colour": "invalid",
    }  # fmt: skip


def test_a_body_over_the_limit(browser: Client, headers: dict[str, str], settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = browser.post("/api/v1/runs", b'{"model": "' + b"x" * 2_000 + b'"}', content_type="application/json", **headers)
    check(answer, 413, "too_large")


@pytest.mark.parametrize(
    "media", ["text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_a_body_of_another_type(browser: Client, headers: dict[str, str], media: str) -> None:
    check(browser.post("/api/v1/runs", b"a=1", content_type=media, **headers), 415, "unsupported_media_type")


NOWHERE = [
    "runs/",
    "nothing",
    "runs/x/y/z",
    "base-models/",
    "tokens/abc",
    "tokens/9999999999999999999999",
    "../admin",
    "runs/%00",
    "runs/%ff%fe",
    "datasets/%00/rows.jsonl",
    "licences/%00/accept",
    "base-models/a//b",
    "%F0%9F%A6%99",
    "",
    "runs/" + "x" * 5000,
]


@pytest.mark.parametrize("path", NOWHERE)
def test_an_address_where_there_is_nothing(browser: Client, headers: dict[str, str], path: str) -> None:
    check(browser.get(f"/api/v1/{path}", **headers), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("put", "runs"), ("patch", "runs/x"), ("delete", "whoami"), ("put", "base-models")]
)
def test_a_method_that_an_address_does_not_have(browser: Client, headers: dict[str, str], method: str, path: str) -> None:
    answer = getattr(browser, method)(f"/api/v1/{path}", b"{}", content_type="application/json", **headers)
    check(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("since", ["0001-01-01", "9999-12-31T23:59:59-12:00", "1970-01-01T00:00:00Z", "2026-11-23", "1e18"])
def test_moments_at_the_rim_of_the_calendar(browser: Client, headers: dict[str, str], since: str) -> None:
    assert browser.get("/api/v1/runs", {"since": since}, **headers).status_code in (200, 400)


def test_a_key_with_odd_characters(browser: Client, headers: dict[str, str], asked: dict[str, Any], accepted: None) -> None:
    for key in ("a\x00b", "schlüssel", "x" * 300, "a\tb"):
        answer = browser.post("/api/v1/runs", asked, content_type="application/json", HTTP_IDEMPOTENCY_KEY=key, **headers)
        assert check(answer, 400)["field"] == "Idempotency-Key"
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Bearer \x00", "bearer é", "Basic YTpi", "Token x", "\xff"]
)
def test_a_header_that_is_no_token(browser: Client, db: None, header: str) -> None:
    check(browser.get("/api/v1/runs", HTTP_AUTHORIZATION=header), 401, "unauthenticated")


def test_what_nobody_expected_is_logged_and_told_without_details(
    browser: Client, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(runs_door.lifecycle, "find", broken)
    answer = browser.get("/api/v1/runs/x", **headers)
    check(answer, 500, "internal_error")
    assert b"secret reason" not in answer.content
    assert "the secret reason" in caplog.text


def test_a_database_that_does_not_answer(browser: Client, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(runs_door.lifecycle, "find", away)
    check(browser.get("/api/v1/runs/x", **headers), 503, "unavailable")


@pytest.fixture
def slow_rate(settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 2


def test_too_many_requests_are_told_when_to_come_back(browser: Client, headers: dict[str, str], slow_rate: None) -> None:
    answers = [browser.get("/api/v1/whoami", **headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    check(answers[2], 429, "throttled")
    assert 0 < int(answers[2].headers["Retry-After"]) <= 61


def test_after_all_that_a_good_request_still_makes_a_run(
    browser: Client, headers: dict[str, str], asked: dict[str, Any], accepted: None
) -> None:
    for body in BODIES.values():
        browser.post("/api/v1/runs", body, content_type="application/json", **headers)
    assert browser.post("/api/v1/runs", asked, content_type="application/json", **headers).status_code == 201
    assert Run.objects.count() == 1
    assert DataSet.objects.count() == 1
    assert lifecycle.find(by=User.objects.get(username="owner"), name=Run.objects.get().name)
