"""Live streams against a real server process: nothing lost, nothing held, nobody let in who may not."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.db import connection

from runs.contract.events import Phase
from runs.models import BaseModel, DataSet, MetricPoint, Run, RunStatus, User
from runs.services import timeline
from tests import scenes
from tests.serving import POOL, Web

pytestmark = pytest.mark.django_db(transaction=True)


class Stream:
    """Events of an open stream, as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[tuple[str, Any, str]]:
        """(name, data, id) of each event; heartbeats are left out."""
        event: dict[str, str] = {}
        for line in self._lines:
            if line:
                key, _, value = line.partition(": ")
                event[key] = value
            else:
                if "event" in event:
                    yield event["event"], json.loads(event["data"]), event.get("id", "")
                event = {}

    def until(self, wanted: Callable[[str, Any], bool]) -> list[tuple[str, Any, str]]:
        seen = []
        for name, data, key in self:
            seen.append((name, data, key))
            if wanted(name, data):
                return seen
        raise AssertionError(f"the stream ended after {seen}")


@contextmanager
def listening(client: httpx.Client, path: str, **headers: str) -> Iterator[Stream]:
    with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, response.status_code
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield Stream(response)


@pytest.fixture
def training(owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    run = scenes.make_run(
        name="chat-live", owner=owner, base_model=base_model, dataset=dataset, status=RunStatus.RUNNING, phase=Phase.TRAINING
    )
    scenes.train_points(run, range(1, 6), of=1_000)
    return run


def says(run: Run, *steps: int) -> list[MetricPoint]:
    """What the follower does when the engine has said `steps`."""
    points = scenes.train_points(run, steps, of=1_000)
    timeline.tell(run)
    return points


def steps(events: list[tuple[str, Any, str]]) -> list[int]:
    return [point["step"] for name, data, _ in events if name == "metrics" for point in data]


def reaches(step: int) -> Callable[[str, Any], bool]:
    return lambda name, data: name == "metrics" and data[-1]["step"] >= step


def test_it_begins_with_what_the_page_does_not_have_yet(web: Web, owner: User, training: Run) -> None:
    third = training.points.get(step=3)
    with web.client(owner) as client, listening(client, f"/runs/chat-live/stream/?after={third.pk}") as stream:
        assert steps(stream.until(reaches(5))) == [4, 5]


def test_a_new_point_is_there_within_a_second(web: Web, owner: User, training: Run) -> None:
    with web.client(owner) as client, listening(client, "/runs/chat-live/stream/") as stream:
        stream.until(reaches(5))
        time.sleep(0.3)  # the stream rests
        said = time.monotonic()
        says(training, 6)
        assert steps(stream.until(reaches(6))) == [6]
        assert time.monotonic() - said < 1.0


def test_who_comes_back_with_the_last_id_misses_nothing_and_gets_nothing_twice(
    web: Web,
    owner: User,
    training: Run,
) -> None:
    with web.client(owner) as client:
        with listening(client, "/runs/chat-live/stream/") as stream:
            first = stream.until(reaches(5))
        last = [key for name, _, key in first if name == "metrics"][-1]
        says(training, 6, 7)
        says(training, 8)
        with listening(client, "/runs/chat-live/stream/", **{"Last-Event-ID": last}) as stream:
            assert steps(stream.until(reaches(8))) == [6, 7, 8]


def test_a_status_that_changed_is_told_and_the_end_ends_the_stream(web: Web, owner: User, training: Run) -> None:
    with web.client(owner) as client, listening(client, "/runs/chat-live/stream/") as stream:
        stream.until(lambda name, _: name == "status")
        training.refresh_from_db()
        training.move_to(RunStatus.COMPLETED)
        training.save()
        timeline.tell(training)
        seen = list(stream)
    assert [name for name, _, _ in seen] == ["status", "end"]
    assert seen[0][1]["status"] == "COMPLETED"


def test_who_is_far_behind_is_told_to_draw_anew(web: Web, owner: User, training: Run) -> None:
    scenes.train_points(training, range(6, 5_200), of=10_000)
    with web.client(owner) as client, listening(client, "/runs/chat-live/stream/") as stream:
        assert [name for name, _, _ in stream] == ["reload"]


def test_nobody_gets_a_strangers_stream(web: Web, stranger: User, training: Run) -> None:
    with web.client(stranger) as client:
        assert client.get("/runs/chat-live/stream/").status_code == 404
    with web.client(None) as client:
        assert client.get("/runs/chat-live/stream/").status_code == 401
        assert client.get("/stream/runs/").status_code == 401


def test_the_list_hears_of_runs_it_may_see_and_of_no_other(
    web: Web,
    owner: User,
    stranger: User,
    base_model: BaseModel,
    dataset: DataSet,
    training: Run,
) -> None:
    secret = scenes.make_run(name="secret", owner=stranger, base_model=base_model, dataset=dataset, status=RunStatus.QUEUED)
    with web.client(owner) as client, listening(client, "/stream/runs/") as stream:
        stream.until(lambda name, _: name == "refresh")
        timeline.tell(secret)
        time.sleep(0.2)
        says(training, 6)
        seen = stream.until(lambda name, data: name == "run" and bool(data))
    told = [change for name, data, _ in seen if name == "run" for change in data]
    assert {change["run"] for change in told} == {training.pk}
    assert told[0]["status"] == "RUNNING"


def test_the_second_who_opens_the_list_is_told_to_look_again_as_the_first_was(web: Web, owner: User, training: Run) -> None:
    def opened(name: str, data: Any) -> bool:
        return name == "refresh"

    with web.client(owner) as client, listening(client, "/stream/runs/") as first:
        first.until(opened)
        with web.client(owner) as other, listening(other, "/stream/runs/") as second:
            assert second.until(opened) == [("refresh", {}, "")]  # its page may be older than what it hears now


def sessions(web: Web) -> int:
    """Connections of this server to the tests' database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [web.application],
        )
        return int(cursor.fetchone()[0])


def test_fifty_open_pages_hold_one_connection_and_all_hear(web: Web, owner: User, training: Run) -> None:
    heard: list[float] = []
    ready = threading.Barrier(51)

    def watch(cookies: dict[str, str]) -> None:
        with (
            httpx.Client(base_url=web.url, cookies=cookies, timeout=60) as client,
            listening(client, "/runs/chat-live/stream/") as stream,
        ):
            stream.until(reaches(5))
            ready.wait(60)
            stream.until(reaches(6))
            heard.append(time.monotonic())

    cookies = dict([web.cookie(owner)])
    watchers = [threading.Thread(target=watch, args=(cookies,), daemon=True) for _ in range(50)]
    for watcher in watchers:
        watcher.start()
    ready.wait(60)
    time.sleep(0.5)
    assert 1 < sessions(web) <= POOL + 1, "the pool, and the one that listens"
    with web.client(owner) as client:
        assert client.get("/runs/chat-live/").status_code == 200, "pages are still served"
    said = time.monotonic()
    says(training, 6)
    for watcher in watchers:
        watcher.join(30)
    assert len(heard) == 50
    assert max(heard) - said < 3.0


def test_a_lost_connection_comes_back_and_nothing_is_lost(web: Web, owner: User, training: Run) -> None:
    with web.client(owner) as client, listening(client, "/runs/chat-live/stream/") as stream:
        stream.until(reaches(5))
        time.sleep(0.3)
        with connection.cursor() as cursor:  # every session of the server's, the listening one as well
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert cursor.fetchone()[0] >= 1
        says(training, 6)  # a nudge that nobody hears
        assert steps(stream.until(reaches(6))) == [6]


@pytest.mark.parametrize("cursor", ["banana", "-1", "9" * 40, ""])
def test_a_cursor_that_makes_no_sense_begins_at_the_beginning(
    web: Web,
    owner: User,
    training: Run,
    cursor: str,
) -> None:
    with web.client(owner) as client, listening(client, f"/runs/chat-live/stream/?after={cursor}") as stream:
        assert steps(stream.until(reaches(5))) == [1, 2, 3, 4, 5]
