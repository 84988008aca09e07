"""The page of a run: where it stands, its curves, its answers, and what can be done with it."""

import asyncio
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.contract.events import EventType, Phase
from runs.models import AuditEntry, BaseModel, DataSet, ModelVersion, Run, RunStatus, User
from tests import scenes


@pytest.fixture
def training(owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    """A run in the middle of its second epoch, evaluated twice."""
    run = scenes.make_run(
        name="chat-training",
        owner=owner,
        base_model=base_model,
        dataset=dataset,
        status=RunStatus.RUNNING,
        phase=Phase.TRAINING,
        request={"eval_prompts": ["a", "b"], "learning_rate": 0.001},
    )
    scenes.train_points(run, range(1, 31), of=40)
    scenes.evaluate(run, 0, 3.25)
    scenes.evaluate(run, 20, 1.125)
    scenes.events(run, EventType.CREATED, EventType.STARTED)
    return run


@pytest.fixture
def finished(owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    return scenes.make_run(
        name="chat-finished", owner=owner, base_model=base_model, dataset=dataset, status=RunStatus.COMPLETED
    )


@pytest.fixture
def mine(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


async def whole(answer: Any) -> bytes:
    return b"".join([chunk async for chunk in answer.streaming_content])


def test_the_head_says_where_it_stands(mine: Client, training: Run) -> None:
    page = html(mine, "/runs/chat-training/")
    assert "epoch 2/2 · batch 10/20" in page
    assert "19,200" in page
    assert "4.1%" in page


def test_a_run_that_ends_in_mid_epoch_counts_its_own_batches(mine: Client, training: Run) -> None:
    Run.objects.filter(pk=training.pk).update(total_steps=33)
    page = html(mine, "/runs/chat-training/")
    assert "batch 30/33" in page
    assert "epoch 2/2" not in page


def test_phases_say_which_is_done_and_which_is_now(mine: Client, training: Run) -> None:
    page = html(mine, "/runs/chat-training/state/")
    assert page.count('class="done"') == 3
    assert page.count('aria-current="step"') == 1
    assert "75%" in page


def test_a_slow_phase_says_how_far_it_is(mine: Client, training: Run) -> None:
    training.phase = Phase.DATA
    training.progress = {"doing": "tokenizing", "done": 41_200, "total": 120_000, "unit": "rows"}
    training.save()
    assert "tokenizing 41,200 of 120,000 rows" in html(mine, "/runs/chat-training/state/")


def test_what_is_measured_before_the_first_step_is_no_phase_after_training(mine: Client, training: Run) -> None:
    training.phase, training.status, training.step = Phase.EVALUATION, RunStatus.STARTING, 0
    training.progress = {"doing": "scoring evaluation rows", "done": 12, "total": 40, "unit": "rows"}
    training.save()
    page = html(mine, "/runs/chat-training/state/")
    assert page.count('class="done"') == 3
    assert "base model: scoring evaluation rows 12 of 40 rows" in page


def test_a_failed_run_says_why_and_what_to_do_before_the_log(mine: Client, training: Run) -> None:
    Run.objects.filter(pk=training.pk).update(
        status=RunStatus.FAILED,
        details="The training process ran out of memory.",
        advice="Lower the context length.",
        completed_at=timezone.now(),
        lease_token="",
        lease_heartbeat=None,
    )
    page = html(mine, "/runs/chat-training/")
    assert page.index("ran out of memory") < page.index("Lower the context length") < page.index("Read the log")
    assert "Training failed" in page


def test_the_curve_is_there_before_any_script_and_told_in_words(mine: Client, training: Run) -> None:
    page = html(mine, "/runs/chat-training/")
    assert '<svg class="picture"' in page
    assert "Evaluation loss: from 3.25 at step 0 to 1.125 at step 20" in page


def test_answers_stand_beside_the_base_models(mine: Client, training: Run) -> None:
    page = html(mine, "/runs/chat-training/")
    assert "printer on floor 3" in page
    assert "Sure! Here is" in page
    assert "&quot;queue&quot;" in page


def test_an_older_checkpoints_answers_have_an_address(mine: Client, training: Run) -> None:
    scenes.evaluate(training, 30, 0.9)
    assert '<option value="20" selected>' in html(mine, "/runs/chat-training/?answers=20")
    assert '<option value="30" selected>' in html(mine, "/runs/chat-training/?answers=banana")


@pytest.mark.parametrize(
    ("tab", "says"),
    [
        ("events", "CHECKPOINT_SAVED"),
        ("samples", "Prompt 2"),
        ("specification", "Learning rate schedule"),
        ("checkpoints", "1.6 GB"),
        ("log", "There is no log"),
        ("points", "Evaluation loss"),
    ],
)
def test_every_tab_is_an_address(mine: Client, training: Run, tab: str, says: str) -> None:
    page = html(mine, f"/runs/chat-training/{tab}/")
    assert says in page
    assert page.count('aria-current="page"') >= 2, "the tab is marked, and the place in the rail"


def test_there_is_no_other_tab(mine: Client, training: Run) -> None:
    assert mine.get("/runs/chat-training/banana/").status_code == 404


def test_the_specification_is_the_runs_own_whatever_the_catalog_says_today(
    mine: Client, training: Run, base_model: BaseModel
) -> None:
    wiring.run_folder(training.name).create()
    before = json.loads(html(mine, "/runs/chat-training/specification.json"))
    assert before["hyperparameters"]["learning_rate"] == 0.001
    page = html(mine, "/runs/chat-training/specification/")
    assert "0.001" in page
    assert "chosen" in page


def test_the_log_shows_its_end_and_downloads_whole(mine: Client, training: Run) -> None:
    folder = wiring.run_folder(training.name)
    folder.create()
    folder.log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    page = html(mine, "/runs/chat-training/log/")
    assert "line 9999" in page
    assert "line 17\n" not in page
    answer = mine.get("/runs/chat-training/log.txt")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert asyncio.run(whole(answer)).count(b"\n") == 10_000


def test_before_the_first_start_there_is_no_log_to_download(mine: Client, finished: Run) -> None:
    assert mine.get("/runs/chat-finished/log.txt").status_code == 404


def test_csv_has_every_point_and_both_kinds(mine: Client, training: Run) -> None:
    lines = html(mine, "/runs/chat-training/points.csv").splitlines()
    assert lines[0].startswith("kind,step,epoch,tokens,time,loss,learning_rate")
    assert len(lines) == 1 + 30 + 2
    assert lines[1].startswith("eval,0,")


def test_numbers_for_the_charts_come_with_a_cursor(mine: Client, training: Run) -> None:
    got = mine.get("/runs/chat-training/charts.json?x=tokens").json()
    assert got["series"]["train"]["step"] == list(range(1, 31))
    assert got["series"]["eval"]["loss"] == [3.25, 1.125]
    assert got["cursor"] == training.points.order_by("-pk").values_list("pk", flat=True)[0]
    assert got["figures"]["loss"]["layout"]["xaxis"]["title"]["text"] == "Tokens"


def test_a_spike_survives_thinning(mine: Client, training: Run) -> None:
    points = scenes.train_points(training, range(31, 6_001), of=6_000)
    spike = points[3_333]
    spike.values["loss"] = 99.0
    spike.save()
    losses = mine.get("/runs/chat-training/charts.json").json()["series"]["train"]["loss"]
    assert len(losses) <= 2_000
    assert 99.0 in losses


def test_what_is_not_a_number_is_a_gap(mine: Client, training: Run) -> None:
    point = training.points.train().first()
    assert point is not None
    del point.values["gradient_norm"]
    point.values["learning_rate"] = "NaN"
    point.save()
    series = mine.get("/runs/chat-training/charts.json").json()["series"]["train"]
    assert series["gradient_norm"][0] is series["learning_rate"][0] is None


def test_stopping_asks_first_and_works_without_scripts(mine: Client, training: Run) -> None:
    wiring.run_folder(training.name).create()
    asked = html(mine, "/runs/chat-training/cancel/")
    assert "Stop chat-training?" in asked
    assert "checkpoint" in asked
    training.refresh_from_db()
    assert training.status == RunStatus.RUNNING, "asking changes nothing"
    assert mine.post("/runs/chat-training/cancel/").headers["Location"] == "/runs/chat-training/"
    training.refresh_from_db()
    assert training.status == RunStatus.TERMINATING
    assert AuditEntry.objects.filter(action="run.cancel", target="chat-training").exists()


def test_stopping_twice_is_refused_in_words(mine: Client, training: Run) -> None:
    wiring.run_folder(training.name).create()
    mine.post("/runs/chat-training/cancel/")
    answer = mine.post("/runs/chat-training/cancel/")
    assert answer.status_code == 409
    assert "already stopping" in answer.content.decode()


def test_a_finished_run_is_deleted_after_asking(mine: Client, finished: Run) -> None:
    assert "cannot be undone" in html(mine, "/runs/chat-finished/delete/")
    answer = mine.post("/runs/chat-finished/delete/", follow=True)
    assert "chat-finished was deleted." in answer.content.decode()
    assert mine.get("/runs/chat-finished/").status_code == 404


def test_a_training_run_cannot_be_deleted(mine: Client, training: Run) -> None:
    assert mine.post("/runs/chat-training/delete/").status_code == 409


def test_colleagues_look_and_do_not_touch(client: Client, colleague: User, training: Run) -> None:
    client.force_login(colleague)
    page = html(client, "/runs/chat-training/")
    assert "Stop run" not in page
    assert "Clone" in page
    assert client.post("/runs/chat-training/cancel/").status_code == 403


@pytest.mark.parametrize("part", ["", "events/", "state/", "charts.json", "points.csv", "log.txt", "cancel/"])
def test_to_a_stranger_nothing_of_it_exists(client: Client, stranger: User, training: Run, part: str) -> None:
    client.force_login(stranger)
    assert client.get(f"/runs/chat-training/{part}").status_code == 404


def test_a_clone_starts_from_this_run(mine: Client, finished: Run) -> None:
    assert "/runs/new/?from=chat-finished" in html(mine, "/runs/chat-finished/")


def test_it_links_to_mlflow_and_to_the_registered_version(mine: Client, finished: Run) -> None:
    finished.mlflow_experiment_id, finished.mlflow_run_id = "7", "abc"
    finished.save()
    ModelVersion.objects.create(run=finished, name="main.default.x", version=3, uri="models:/main.default.x/3")
    page = html(mine, "/runs/chat-finished/")
    assert "/#/experiments/7/runs/abc" in page
    assert "/registered-models/main.default.x/" in page
    assert "Registered as v3" in page


def test_what_a_model_wrote_is_shown_as_text(mine: Client, training: Run) -> None:
    training.samples.filter(step=20, index=0).update(answer="<script>alert(1)</script>")
    page = html(mine, "/runs/chat-training/")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_htmx_gets_the_part_it_names(mine: Client, training: Run) -> None:
    panel = mine.get("/runs/chat-training/events/", headers={"HX-Target": "section#panel"}).content.decode().split()
    assert panel[:2] == ["<section", 'id="panel"']
    answers = mine.get("/runs/chat-training/", headers={"HX-Target": "section#answers"}).content.decode().split()
    assert answers[:2] == ["<section", 'id="answers"']
