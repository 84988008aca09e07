"""What the web server lets in: bodies of the allowed size that keep coming, told before anything behind has read them."""

import asyncio
import json
from typing import Any

import pytest

from finetuning_ui.intake import Intake

JSON = (b"content-type", b"application/json; charset=utf-8")


class Behind:
    """The application behind, which reads the whole body first, as Django does."""

    def __init__(self) -> None:
        self.body: bytes | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.body = body
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})


def send(
    *pieces: bytes,
    headers: list[tuple[bytes, bytes]],
    method: str = "POST",
    path: str = "/api/v1/runs",
    stalls: bool = False,
    known: bool = True,
) -> tuple[Any, Behind]:
    """The messages that came back, and the application behind."""
    behind, sent = Behind(), []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if not stalls:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def take(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    intake = Intake(behind, small=100, large=1_000, patience=0.05, knows=lambda request: known)
    asyncio.run(intake(scope, receive, take))
    if sent[0]["status"] >= 400:
        assert not sent[1]["body"] or sent[-1] == {"type": "http.response.body", "body": b""}, "told before the rest is read"
    return sent, behind


def refusal(sent: Any) -> tuple[int, str]:
    document = json.loads(sent[1]["body"])
    assert document["status"] == sent[0]["status"]
    assert document["detail"] == document["message"] != ""
    return document["status"], document["code"]


def test_what_is_within_the_limits_is_let_through_unchanged() -> None:
    sent, behind = send(b"{", b"}", headers=[JSON])
    assert (sent[0]["status"], behind.body) == (200, b"{}")


def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    sent, behind = send(headers=[JSON, (b"content-length", b"101")])
    assert (refusal(sent), behind.body) == ((413, "too_large"), None)


def test_a_body_that_turns_out_too_large_is_refused_as_it_comes() -> None:
    sent, behind = send(*[b"x" * 60] * 3, headers=[JSON])
    assert (refusal(sent), behind.body) == ((413, "too_large"), None)


@pytest.mark.parametrize(
    ("method", "media"), [("POST", b"application/jsonl"), ("PUT", b"application/json"), ("POST", b"multipart/form-data")]
)
def test_a_file_may_be_larger(method: str, media: bytes) -> None:
    _, behind = send(*[b"x" * 300] * 3, headers=[(b"content-type", media)], method=method)
    assert behind.body == b"x" * 900
    sent, _ = send(*[b"x" * 300] * 4, headers=[(b"content-type", media)], method=method)
    assert refusal(sent) == (413, "too_large")


def test_a_body_that_stands_still_is_given_up() -> None:
    sent, behind = send(b"{", headers=[JSON], stalls=True)
    assert (refusal(sent), behind.body) == ((408, "too_slow"), None)


CHUNKED = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/octet-stream")]


def test_a_file_is_taken_only_from_somebody_we_know_and_not_even_begun_from_others() -> None:
    for headers in (CHUNKED, [(b"content-length", b"900")]):
        sent, behind = send(b"x" * 900, headers=headers, known=False)
        assert (refusal(sent), behind.body) == ((401, "unauthenticated"), None)
        assert (b"www-authenticate", b'Bearer realm="finetuning-ui"') in sent[0]["headers"]
    _, behind = send(b"x" * 90, headers=[(b"content-length", b"90")], known=False)
    assert behind.body == b"x" * 90, "a small body is its view's to refuse"


SHAPES: list[tuple[str, str, Any]] = [
    ("/api/2.0/genai-mapi/graphql", "POST", lambda told: told["errors"][0]["extensions"]["code"]),
    ("/api/2.0/mlflow/runs/log-batch", "POST", lambda told: 413 if told["error_code"] == "INVALID_PARAMETER_VALUE" else 0),
    ("/api/2.1/unity-catalog/models", "POST", lambda told: 413 if told["error_code"] == "INVALID_PARAMETER_VALUE" else 0),
    ("/v1/fine_tuning/jobs", "POST", lambda told: 413 if told["error"]["type"] == "invalid_request_error" else 0),
]
FILES = [
    ("PUT", "/api/2.0/fs/files/Volumes/a/b/c/d"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("POST", "/v1/files"),
]


@pytest.mark.parametrize(("path", "method", "status"), SHAPES)
def test_each_dialect_has_a_limit_and_a_shape_of_its_own(path: str, method: str, status: Any) -> None:
    """Whatever the media type says: a call is no file."""
    headers = [(b"content-length", b"%d" % (9 << 20)), (b"content-type", b"application/octet-stream")]
    sent, behind = send(headers=headers, path=path, method=method)
    assert (sent[0]["status"], status(json.loads(sent[1]["body"])), behind.body) == (413, 413, None)


@pytest.mark.parametrize(("method", "path"), FILES)
def test_files_of_each_dialect_go_on_to_the_limit_of_files(method: str, path: str) -> None:
    headers = [(b"content-type", b"application/octet-stream")]
    _, behind = send(*[b"x" * 300] * 3, headers=headers, method=method, path=path)
    assert behind.body == b"x" * 900
    sent, _ = send(*[b"x" * 300] * 4, headers=headers, method=method, path=path)
    assert sent[0]["status"] == 413


def test_what_is_no_request_goes_straight_through() -> None:
    seen = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Intake(behind, small=1, large=1, patience=1, knows=bool)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
