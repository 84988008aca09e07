"""The original client's calls with odd numbers and filters, with failures inside, and sent twice because an answer was lost."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from runs.api.databricks import operations
from runs.models import DataSet, KeptAnswer, Run, User
from runs.services import volumes
from tests.app.test_databricks import Ask, asking, create, fetching, listed


@pytest.fixture
def ask(owner: User) -> Ask:
    return asking(owner)


ODD = [
    ({"limit": -5}, "limit"), ({"limit": 1.5}, "limit"), ({"limit": True}, "limit"), ({"limit": 1e308}, "limit"),
    ({"filters": {"name": {}}}, "empty"), ({"filters": {"name": {"in": None}}}, "null"),
    ({"filters": {"createdAt": {"lt": "2026-02-30T00:00:00Z"}}}, "not a date"), ({"cursor": "LTk5"}, ""),
    ({"limit": 10**30}, "limit"),
    ({"filters": {"createdAt": {"gte": "2020-01-01"}}}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "words"), ODD, ids=[json.dumps(wanted)[:40] for wanted, _ in ODD])
def test_odd_numbers_and_filters_get_an_answer(ask: Ask, run: Run, wanted: dict[str, Any], words: str) -> None:
    told = listed(ask, **wanted)
    if words:
        assert words in told["errors"][0]["message"]
        assert told["errors"][0]["extensions"]["code"] == 400
    else:
        assert "data" in told


@pytest.mark.parametrize("filters", [{"name": {}}, {"mlflowExperimentId": {}}, {}, None])
def test_an_empty_filter_stops_nothing(ask: Ask, run: Run, filters: dict[str, Any] | None) -> None:
    told = ask("mutation StopFinetunes { stopFinetunes { id } }", {"getFinetunesData": {"filters": filters}})
    assert told["errors"][0]["extensions"]["code"] == 400
    run.refresh_from_db()
    assert run.status == "PENDING"


def test_what_nobody_foresaw_is_told_in_the_clients_own_shape(ask: Ask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("something inside")

    monkeypatch.setitem(operations.OPERATIONS, "getFinetuneConstants", fails)
    monkeypatch.setattr(volumes, "listing", fails)
    (error,) = ask("query Models { getFinetuneConstants { models } }")["errors"]
    assert (error["extensions"]["code"], "inside" in error["message"]) == (500, False)
    told = fetching(owner)("GET", "/api/2.0/fs/directories/Volumes/main/default/x")
    assert (told.status_code, told.json()["error_code"]) == (500, "INTERNAL_ERROR")


def test_a_create_whose_answer_was_lost_is_found_again(ask: Ask, accepted: None, dataset: DataSet) -> None:
    """The client sends it again after a second at the soonest, and nothing in between."""

    def later(seconds: float) -> None:
        KeptAnswer.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))

    def made(**changes: Any) -> str:
        return str(create(ask, **changes)["data"]["createFinetune"]["name"])

    first = made()
    later(1.2)
    assert made() == first
    assert made(trainingDuration="2ep") != first, "another run"
    again = made()
    assert again == first, "equal to the first, which is still within its two minutes"
    later(130)
    second = made()
    assert second != first, "long after"
    assert made() not in (first, second), "at once: a loop that wants two of them"
    later(1.2)
    listed(ask, {"name": {"in": [Run.objects.latest("pk").name]}})
    third = made()
    assert third not in (first, second), "the answer was there: the run has been asked for by its name"
    assert Run.objects.count() == 5
