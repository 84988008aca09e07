"""The streams of REST against a real server process: with a token, resumed without a gap, and for those alone who may see."""

from typing import Any

import httpx
import pytest
from django.utils import timezone

from runs.contract.events import EventType, Phase
from runs.models import BaseModel, DataSet, Run, RunStatus, User
from runs.services import access, timeline
from runs.services.cursor import Cursor
from runs.services.following import Following
from tests import scenes
from tests.app.test_stream import Stream, listening, says
from tests.app.test_stream import training as training
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)


def script(web: Web, user: User) -> httpx.Client:
    _, token = access.create_token(by=user, name="script")
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    return httpx.Client(base_url=web.url, headers=headers, timeout=30)


def steps(events: list[tuple[str, Any, str]]) -> list[int]:
    return [point["step"] for name, data, _ in events if name == "metrics" for point in data["points"]]


def last(step: int) -> Any:
    return lambda name, data: name == "metrics" and data["points"][-1]["step"] >= step


def test_a_run_from_its_beginning_to_its_end(web: Web, training: Run, owner: User) -> None:
    timeline.add(training, EventType.CREATED, "Run created.")
    with script(web, owner) as client, listening(client, f"/api/v1/runs/{training.name}/stream") as stream:
        seen = stream.until(last(5))
        assert [name for name, _, _ in seen] == ["status", "event", "metrics"]
        assert seen[0][1]["status"] == "RUNNING"
        assert seen[1][1]["message"] == "Run created."
        assert seen[2][1]["points"][0]["values"]["loss"] > 0
        says(training, 6)
        assert steps(stream.until(last(6))) == [6]
        training.move_to(RunStatus.COMPLETED)
        training.save()
        timeline.add(training, EventType.COMPLETED, "Run completed.")
        assert [name for name, _, _ in stream.until(lambda name, _: name == "end")] == ["status", "event", "end"]


def test_whoever_comes_back_goes_on_where_they_were(web: Web, training: Run, owner: User) -> None:
    path = f"/api/v1/runs/{training.name}/stream"
    with script(web, owner) as client:
        with listening(client, path) as stream:
            *_, (_, _, cursor) = stream.until(last(5))
        says(training, 6, 7)
        timeline.add(training, EventType.CHECKPOINT_SAVED, "Checkpoint ep1-ba6 saved.")
        with listening(client, path, **{"Last-Event-ID": cursor}) as stream:
            seen = stream.until(last(7))
    assert steps(seen) == [6, 7]
    assert [data["message"] for name, data, _ in seen if name == "event"] == ["Checkpoint ep1-ba6 saved."]


def test_all_runs_that_one_sees_and_no_others(
    web: Web, training: Run, owner: User, stranger: User, base_model: BaseModel, dataset: DataSet
) -> None:
    private = scenes.make_run(
        name="chat-elsewhere",
        owner=stranger,
        base_model=base_model,
        dataset=dataset,
        status=RunStatus.RUNNING,
        phase=Phase.TRAINING,
    )
    with script(web, owner) as client, listening(client, "/api/v1/stream") as stream:
        stream.until(lambda name, data: name == "status" and data["run"] == training.name)
        says(private, 1)
        says(training, 6)
        seen = stream.until(last(6))
    assert {data["run"] for _, data, _ in seen} == {training.name}
    assert steps(seen) == [6]


@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/v1/runs/chat-live/stream"])
def test_nobody_gets_in_without_a_good_token(web: Web, training: Run, stranger: User, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer ftui_wrong"}):
        answer = httpx.get(web.url + path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["Content-Type"] == "application/problem+json"
    with script(web, stranger) as client:
        assert client.get("/api/v1/runs/chat-live/stream").json()["code"] == "not_found"


def test_many_streams_hold_no_connection(web: Web, training: Run, owner: User) -> None:
    """More of them than the server's pool has connections, and pages are still answered."""
    with script(web, owner) as client:
        held = [listening(client, f"/api/v1/runs/{training.name}/stream") for _ in range(8)]
        streams: list[Stream] = [one.__enter__() for one in held]
        for stream in streams:
            stream.until(last(5))
        assert client.get("/api/v1/whoami", headers={"Accept": "*/*"}).status_code == 200
        for one in held:
            one.__exit__(None, None, None)


def test_a_long_run_comes_in_pieces(training: Run, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.services.following.MOST", 3)
    following = Following(owner, training.pk, Cursor())

    def look() -> list[list[int]]:
        return [[point.step for point in piece.thing] for piece in following.look() if piece.kind == "metrics"]

    assert [look() for _ in range(3)] == [[[1, 2, 3]], [[4, 5]], []]
    assert following.complete


def test_progress_is_told_when_it_moves(training: Run, owner: User) -> None:
    following = Following(owner, training.pk, Cursor.now())
    following.look()
    told = []
    for message in ("step 6", "step 6", "step 7"):
        timeline.add(training, EventType.TRAIN_UPDATED, message, time=timezone.now())
        told.append([piece.thing.message for piece in following.look() if piece.kind == "event"])
    assert told == [["step 6"], [], ["step 7"]]


@pytest.mark.parametrize("text", ["", "7", "-", "1-", "a-b", "1-2-3", "1" * 19 + "-1", "１-２"])
def test_a_cursor_that_is_none(text: str) -> None:
    assert Cursor.read(text) is None
