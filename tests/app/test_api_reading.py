"""REST v1 to read from: what runs said and made, what is on offer."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.models import BaseModel, DataSet, ModelVersion, Run, RunStatus, User
from runs.services import lifecycle, progress
from tests.app.conftest import Call, Submit, caller
from tests.fakes import FakeEngine


@pytest.mark.parametrize(
    "query",
    ["status=running", "limit=0", "limit=201", "limit=x", "since=yesterday", "cursor=x", "cursor=-1", "cursor=" + "9" * 30,
     "colour=red", "limit=1&limit=2", "order=up", "model=%00", "cursor=%00", "owner=%ff%00"],
)  # fmt: skip
def test_a_senseless_query_is_refused_at_its_parameter(api: Call, query: str) -> None:
    answer = api("GET", f"runs?{query}")
    assert answer.status_code == 400
    assert answer.json()["field"] in (query.partition("=")[0], "")


def test_others_see_what_they_may(run: Run, colleague: User, stranger: User, viewer: User) -> None:
    assert [caller(person)("GET", f"runs/{run.name}").status_code for person in (colleague, viewer, stranger)] == [
        200,
        200,
        404,
    ]
    assert caller(stranger)("GET", "runs").json()["data"] == []
    for person in (colleague, viewer):
        answer = caller(person)("POST", f"runs/{run.name}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert caller(stranger)("POST", f"runs/{run.name}/cancel").status_code == 404


def test_another_persons_run_and_no_run_answer_alike(run: Run, stranger: User) -> None:
    call = caller(stranger)
    hidden, missing = (call("GET", f"runs/{name}").json() for name in (run.name, "none"))
    assert {**hidden, "detail": "", "problems": []} == {**missing, "detail": "", "problems": []}
    assert hidden["detail"].replace(run.name, "none") == missing["detail"]


def test_an_unchanged_run_costs_nothing_to_poll(api: Call, run: Run, owner: User) -> None:
    tag = api("GET", f"runs/{run.name}").headers["ETag"]
    unchanged = api("GET", f"runs/{run.name}", **{"If-None-Match": f'"x", W/{tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    lifecycle.cancel(run=run, by=owner)
    assert api("GET", f"runs/{run.name}", **{"If-None-Match": tag}).status_code == 200


def test_a_training_run_shows_where_it_is(api: Call, trained: tuple[Run, FakeEngine]) -> None:
    shown = api("GET", f"runs/{trained[0].name}").json()
    assert (shown["status"], shown["phase"], shown["step"], shown["total_steps"]) == ("RUNNING", "training", 3, 4)
    assert shown["share_done"] == 0.75
    assert shown["last_loss"] == pytest.approx(2 / 3)
    assert shown["estimated_end_at"] is not None


def test_events_checkpoints_and_specification_of_a_run(api: Call, trained: tuple[Run, FakeEngine]) -> None:
    name = trained[0].name
    events = api("GET", f"runs/{name}/events").json()["data"]
    assert [event["type"] for event in events][:2] == ["CREATED", "STARTED"]
    assert {"TRAIN_STARTED", "CHECKPOINT_SAVED", "TRAIN_UPDATED"} <= {event["type"] for event in events}
    assert [row["name"] for row in api("GET", f"runs/{name}/checkpoints").json()["data"]] == ["ep1-ba2"]
    spec = api("GET", f"runs/{name}/spec").json()
    assert spec["hyperparameters"]["learning_rate"] == 0.001
    assert spec["hyperparameters"]["context_length"] == 2_048
    assert spec["train"]["rows"] == 20


def test_the_specification_is_there_before_the_start_and_the_log_is_not(api: Call, run: Run) -> None:
    assert api("GET", f"runs/{run.name}/spec").json()["name"] == run.name
    log = api("GET", f"runs/{run.name}/log")
    assert (log.status_code, "not started" in log.json()["detail"]) == (404, True)


def test_the_log_is_a_download(api: Call, trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    engine.folder.log.write_text("loading weights\n")
    log = api("GET", f"runs/{run.name}/log")
    assert b"".join(log.streaming_content) == b"loading weights\n"
    assert log.headers["Content-Disposition"] == f'attachment; filename="{run.name}.txt"'


def test_metrics_with_wanted_keys_and_range(api: Call, trained: tuple[Run, FakeEngine]) -> None:
    name = trained[0].name
    points = api("GET", f"runs/{name}/metrics?keys=loss,learning_rate&from_step=2").json()["data"]
    assert [(point["step"], point["values"].keys()) for point in points] == [
        (2, {"loss", "learning_rate"}),
        (3, {"loss", "learning_rate"}),
    ]
    assert api("GET", f"runs/{name}/metrics?kind=eval").json()["data"] == []
    unknown = api("GET", f"runs/{name}/metrics?keys=colour").json()
    assert (unknown["field"], "loss" in unknown["detail"]) == ("keys", True)


def test_thinned_metrics_keep_ends_and_spikes(api: Call, trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    engine.says(*(engine.step(step, of=500, loss=9.0 if step == 250 else 1.0 + step / 1e4) for step in range(4, 501)))
    progress.advance(run.pk, run.lease_token)
    points = api("GET", f"runs/{run.name}/metrics?points=20").json()["data"]
    steps = [point["step"] for point in points]
    assert len(steps) <= 20
    assert (steps[0], steps[-1]) == (1, 500)
    assert 250 in steps
    assert steps == sorted(steps)


def test_base_models_with_their_state(api: Call, base_model: BaseModel) -> None:
    shown = api("GET", "base-models").json()["data"][0]
    assert (shown["name"], shown["state"], shown["available"]) == ("test/tiny-chat", "active", True)
    assert shown["licence"] == {"key": "open", "name": "Open licence 1.0"}
    base_model.retires_on = timezone.localdate() + timedelta(days=9)
    base_model.save()
    assert api("GET", "base-models/test/tiny-chat").json()["state"] == "deprecated"
    base_model.retires_on = timezone.localdate()
    base_model.save()
    assert api("GET", "base-models/test/tiny-chat").json()["state"] == "retired"
    assert api("GET", "base-models/test/none").status_code == 404


def test_a_retired_model_is_refused_with_its_replacement(
    api: Call, base_model: BaseModel, asked: dict[str, Any], accepted: None
) -> None:
    newer = BaseModel.objects.get(pk=base_model.pk)
    newer.pk, newer.name = None, "test/tiny-chat-2"
    newer.save()
    base_model.retires_on, base_model.replacement = timezone.localdate(), newer
    base_model.save()
    answer = api("POST", "runs", asked)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "model_retired", "model")
    assert "test/tiny-chat-2" in answer.json()["detail"]


def test_a_licence_is_accepted_once_and_then_runs_may_start(api: Call, asked: dict[str, Any]) -> None:
    refused = api("POST", "runs", asked).json()
    assert (refused["code"], refused["field"]) == ("licence_not_accepted", "model")
    path = re.search(r"POST /api/v1/([\w/-]+)", refused["detail"])
    assert path
    assert api("GET", "licences").json()["data"][0]["accepted"] is False
    assert api("POST", path[1]).json()["accepted"] is True
    assert api("POST", path[1]).status_code == 200
    assert api("POST", "runs", asked).status_code == 201
    assert api("POST", "licences/none/accept").status_code == 404


def test_tokens_are_shown_once_listed_without_and_revoked(api: Call, stranger: User) -> None:
    made = api("POST", "tokens", {"name": "ci"})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    token, key = made.json()["token"], made.json()["id"]
    assert token not in api("GET", "tokens").content.decode()
    assert api("GET", "whoami", Authorization=f"Bearer {token}").status_code == 200
    assert caller(stranger)("DELETE", f"tokens/{key}").status_code == 404
    assert api("DELETE", f"tokens/{key}").status_code == 204
    assert api("GET", "whoami", Authorization=f"Bearer {token}").status_code == 401


def test_data_sets_are_listed_shown_downloaded_and_kept_while_runs_need_them(
    api: Call, dataset: DataSet, run: Run, stranger: User
) -> None:
    assert [row["name"] for row in api("GET", "datasets?task_type=CHAT_COMPLETION").json()["data"]] == ["sums"]
    assert api("GET", "datasets?task_type=CONTINUED_PRETRAIN").json()["data"] == []
    assert api("GET", "datasets/sums").json()["rows"] == 20
    rows = b"".join(api("GET", "datasets/sums/rows.jsonl").streaming_content)
    assert rows.count(b"\n") == 20
    assert caller(stranger)("GET", "datasets/sums/rows.jsonl").status_code == 404
    assert api("DELETE", "datasets/sums").json()["code"] == "cannot_delete"


def test_registered_models_of_runs_one_may_see(api: Call, run: Run, stranger: User) -> None:
    ModelVersion.objects.create(run=run, name="main.default.m", version=1, uri="models:/main.default.m/1")
    shown = api("GET", "registered-models").json()["data"][0]
    assert (shown["name"], shown["version"], shown["run"], shown["base_model"]) == (
        "main.default.m",
        1,
        run.name,
        "test/tiny-chat",
    )
    assert api("GET", f"runs/{run.name}").json()["registered_model"]["uri"] == "models:/main.default.m/1"
    assert caller(stranger)("GET", "registered-models").json()["data"] == []


def test_a_list_of_runs_costs_the_same_number_of_queries_for_one_and_for_many(
    api: Call, submit: Submit, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        submit()
    assert Run.objects.filter(status=RunStatus.PENDING).count() == 10
    with django_assert_max_num_queries(5):
        assert len(api("GET", "runs").json()["data"]) == 10
