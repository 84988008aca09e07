"""Large data: the client waits for their check, and sends again what had to wait for it."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from finetuning_ui.client import ApiError, Client, rest

READY = {"state": "ready", "dataset": "sums", "reason": "", "report": None}
REFUSED = {"state": "refused", "dataset": None, "reason": "Line 3: it is no row.", "report": {}}


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "POLL", 0)


def speaking(answer: Callable[[str, int], tuple[int, object]]) -> tuple[Client, list[str]]:
    """A client of a server that answers by request and how often it came; and what was asked."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(line := f"{request.method} {request.url.path.removeprefix('/api/v1')}")
        status, body = answer(line, asked.count(line))
        return httpx.Response(status, content=json.dumps(body))

    return Client("http://server", "token", transport=httpx.MockTransport(handle)), asked


def test_an_upload_is_there_when_its_check_is_over(tmp_path: Path) -> None:
    def answer(line: str, times: int) -> tuple[int, object]:
        if line == "POST /datasets":
            return 202, {"state": "waiting", "key": "k"}
        if line == "GET /checks/k":
            return 200, {"state": "running"} if times < 3 else READY
        return 200, {"name": "sums", "rows": 20}

    client, asked = speaking(answer)
    (tmp_path / "rows.jsonl").write_text("{}")
    assert client.upload(tmp_path / "rows.jsonl") == {"name": "sums", "rows": 20}
    assert asked == ["POST /datasets", *["GET /checks/k"] * 3, "GET /datasets/sums"]


def test_what_a_check_refuses_is_raised(tmp_path: Path) -> None:
    client, _ = speaking(lambda line, _: (202, {"state": "waiting", "key": "k"}) if "POST" in line else (200, REFUSED))
    (tmp_path / "rows.jsonl").write_text("{}")
    with pytest.raises(ApiError, match="Line 3") as refused:
        client.upload(tmp_path / "rows.jsonl")
    assert refused.value.code == "bad_data"


def test_a_run_is_asked_for_again_under_its_key_when_its_data_are_checked() -> None:
    waiting = {"code": "still_checking", "message": "Being checked.", "field": "train_data_path", "facts": {"check": "k"}}

    def answer(line: str, times: int) -> tuple[int, object]:
        if line == "GET /checks/k":
            return 200, READY
        return (409, {"code": "still_checking", "problems": [waiting]}) if times == 1 else (201, {"name": "run"})

    client, asked = speaking(answer)
    assert client.create(model="m", train_data_path="/Volumes/a/b/c/d.jsonl") == {"name": "run"}
    assert asked == ["POST /runs", "GET /checks/k", "POST /runs"]
