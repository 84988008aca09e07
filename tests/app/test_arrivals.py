"""Large files in parts: cut, resumed, sent by two people at once, refused; nothing half-made is ever a data set."""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import DataSet, User
from runs.services import access, arrivals, datasets
from runs.services.refused import BadData, Invalid, NotAllowed, NotFound
from tests.app.conftest import ROWS

GOOD = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CHAT = TaskType.CHAT_COMPLETION
Send = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_left(db: None) -> Iterator[None]:
    yield
    for key in list(wiring.arrivals().glob("*")):
        for file in key.iterdir():
            file.unlink()
        key.rmdir()


def sender(user: User) -> Send:
    _, token = access.create_token(by=user, name="x")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})

    def send(method: str, path: str, body: Any = b"", media: str = "application/octet-stream") -> Any:
        return client.generic(method, f"/api/v1/{path}", body, content_type=media)

    return send


def begun(send: Send, size: int = len(GOOD), filename: str = "sums.jsonl") -> dict[str, Any]:
    answer = send("POST", "uploads", json.dumps({"filename": filename, "bytes": size}), "application/json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_parts_become_a_data_set_and_the_arrival_is_gone(owner: User) -> None:
    send = sender(owner)
    key = begun(send)["key"]
    for start in range(0, len(GOOD), 500):
        answer = send("PATCH", f"uploads/{key}?offset={start}", GOOD[start : start + 500])
        assert answer.json()["received"] == min(start + 500, len(GOOD))
    made = send("POST", f"datasets?upload={key}&task_type=CHAT_COMPLETION&name=mine")
    assert made.status_code == 201, made.content
    assert (made.json()["rows"], made.json()["source"]) == (20, "sums.jsonl")
    assert send("GET", f"uploads/{key}").status_code == 404
    assert not (wiring.arrivals() / key).exists()


def test_a_cut_leaves_no_data_set_and_the_rest_goes_on_from_where_it_stands(owner: User) -> None:
    key = arrivals.begin(by=owner, filename="a.jsonl", size=len(GOOD)).key

    def cut() -> Iterator[bytes]:
        yield GOOD[:700]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        arrivals.append(by=owner, key=key, offset=0, chunks=cut())
    assert arrivals.find(by=owner, key=key).received == 700
    with pytest.raises(Invalid, match="Send the rest"):
        datasets.add_arrived(by=owner, key=key, task=CHAT)
    assert not DataSet.objects.exists()
    with pytest.raises(arrivals.WrongPlace, match="stands at 700 bytes"):
        arrivals.append(by=owner, key=key, offset=0, chunks=[GOOD])
    arrivals.append(by=owner, key=key, offset=700, chunks=[GOOD[700:]])
    assert datasets.add_arrived(by=owner, key=key, task=CHAT).rows == 20


def test_two_people_send_the_same_file_at_once(owner: User, colleague: User) -> None:
    first, second = sender(owner), sender(colleague)
    keys = [begun(first)["key"], begun(second)["key"]]
    for start, end in ((0, 900), (900, len(GOOD))):
        for send, key in zip((first, second), keys, strict=True):
            assert send("PATCH", f"uploads/{key}?offset={start}", GOOD[start:end]).status_code == 200
    names = [
        send("POST", f"datasets?upload={key}&task_type=CHAT_COMPLETION").json()["name"]
        for send, key in zip((first, second), keys, strict=True)
    ]
    assert names == ["sums", "sums-2"]
    assert len(set(DataSet.objects.values_list("digest", flat=True))) == 1


def test_an_upload_is_nobody_elses(owner: User, colleague: User) -> None:
    key = begun(sender(owner))["key"]
    theirs = sender(colleague)
    for method, path in (("GET", f"uploads/{key}"), ("PATCH", f"uploads/{key}?offset=0"), ("DELETE", f"uploads/{key}")):
        assert theirs(method, path, b"x").status_code == 404
    assert theirs("POST", f"datasets?upload={key}&task_type=CHAT_COMPLETION").status_code == 404
    assert arrivals.find(by=owner, key=key).received == 0


@pytest.mark.parametrize("key", ["", "x", "../../secret", "..", "0" * 32, "%00", "é" * 32])
def test_a_key_is_only_a_key(owner: User, key: str) -> None:
    with pytest.raises(NotFound):
        arrivals.find(by=owner, key=key)


def test_more_than_was_announced_and_more_than_there_is_room_for_are_refused(owner: User) -> None:
    key = arrivals.begin(by=owner, filename="a.jsonl", size=3).key
    with pytest.raises(Invalid, match="announced"):
        arrivals.append(by=owner, key=key, offset=0, chunks=[b"abcd"])
    assert arrivals.find(by=owner, key=key).received == 0
    with pytest.raises(Invalid, match="no room"):
        arrivals.begin(by=owner, filename="a.jsonl", size=1 << 60)
    send = sender(owner)
    for body in (
        {"filename": "", "bytes": 1},
        {"filename": "a", "bytes": -1},
        {"bytes": 1},
        {"filename": "a", "bytes": 1, "x": 1},
    ):
        assert send("POST", "uploads", json.dumps(body), "application/json").status_code == 400
    for offset in ("", "?offset=", "?offset=-1", "?offset=x", f"?offset={2**70}"):
        assert send("PATCH", f"uploads/{key}{offset}", b"a").status_code == 400


def test_a_person_has_so_many_unfinished_uploads_and_old_ones_go(owner: User, colleague: User) -> None:
    made = [arrivals.begin(by=owner, filename="a.jsonl", size=3) for _ in range(arrivals.OPEN)]
    with pytest.raises(arrivals.TooMany):
        arrivals.begin(by=owner, filename="a.jsonl", size=3)
    yesterday = time.time() - arrivals.KEPT - 1
    os.utime(made[0].path, (yesterday, yesterday))
    arrivals.begin(by=colleague, filename="a.jsonl", size=3)
    with pytest.raises(NotFound):
        arrivals.find(by=owner, key=made[0].key)
    arrivals.drop(by=owner, key=made[1].key)
    arrivals.begin(by=owner, filename="a.jsonl", size=3)


def test_a_viewer_begins_nothing(viewer: User) -> None:
    with pytest.raises(NotAllowed):
        arrivals.begin(by=viewer, filename="a.jsonl", size=3)


def test_a_refused_file_is_kept_only_while_a_mapping_is_proposed(owner: User) -> None:
    foreign = b"".join(b'{"question": "%d?", "answer": "%d"}\n' % (n, n) for n in range(9))
    for content, kept in ((foreign, True), (b"nonsense\n", False)):
        key = arrivals.begin(by=owner, filename="a.jsonl", size=len(content)).key
        arrivals.append(by=owner, key=key, offset=0, chunks=[content])
        with pytest.raises(BadData):
            datasets.add_arrived(by=owner, key=key, task=CHAT)
        assert (wiring.arrivals() / key).exists() == kept
        if kept:
            assert datasets.add_arrived(by=owner, key=key, task=CHAT, mapping="question_answer").rows == 9


def test_the_page_and_the_wizard_take_a_file_that_came_in_parts(client: Client, owner: User) -> None:
    client.force_login(owner)
    key = arrivals.begin(by=owner, filename="sums.jsonl", size=len(GOOD)).key
    arrivals.append(by=owner, key=key, offset=0, chunks=[GOOD])
    answer = client.post("/data/", {"upload_key": key, "task_type": "CHAT_COMPLETION"})
    assert (answer.status_code, DataSet.objects.get().rows) == (302, 20)
    assert client.post("/data/", {"upload_key": "nonsense", "task_type": "CHAT_COMPLETION"}).status_code == 404
