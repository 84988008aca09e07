"""Scripts of the original service, run through our own client against a live server."""

import inspect
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pandas
import pytest
from django.utils import timezone

from finetuning_ui.client import ApiError, RunStatus, TrainingRun, WaitedTooLong
from finetuning_ui.client import foundation_model as fm
from finetuning_ui.client.settings import Settings
from runs.contract.request import RunRequest
from runs.contract.spec import Hyperparameters
from runs.models import BaseModel, DataSet, Run, User
from runs.models import RunStatus as Status
from tests import scenes
from tests.app.conftest import ROWS

pytestmark = pytest.mark.django_db(transaction=True)
THEIRS = {"get_checkpoints", "get_models", "cancel", "create", "get", "list", "get_events"}
Start = dict[str, Any]


@pytest.fixture
def ready(server: str, asked: Start, accepted: None) -> Start:
    """The least that `create` needs, on a server where it will be granted."""
    return asked


@pytest.fixture
def training(server: str, owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    run = scenes.make_run(name="chat-live", owner=owner, base_model=base_model, dataset=dataset, status=Status.RUNNING)
    scenes.train_points(run, range(1, 51), of=100)
    return run


def test_the_surface_is_the_originals_and_more_and_all_of_it_is_typed() -> None:
    assert set(fm.__all__) > THEIRS
    for name in fm.__all__:
        function = getattr(fm, name)
        assert function.__doc__
        assert set(inspect.signature(function).parameters) <= set(get_type_hints(function)), name
        assert "return" in get_type_hints(function), name


def test_every_setting_of_the_server_is_a_keyword() -> None:
    keywords = set(inspect.signature(fm.create).parameters) | set(Settings.__annotations__)
    assert set(RunRequest.model_fields) <= keywords
    assert set(Settings.__annotations__) <= set(Hyperparameters.model_fields)


def test_a_run_is_created_as_it_was_asked_for(ready: Start) -> None:
    run = fm.create(
        **ready,
        eval_prompts=["What is 2 + 2?"],
        training_duration="2ep",
        learning_rate="5e-7",  # demos write it as text
        context_length=512,
        validate_inputs=True,
        data_prep_cluster_id="0101-abc",
        seed=7,
    )
    assert (run.status, run.created_by, run.train_data_path) == (RunStatus.PENDING, "owner", "sums")
    assert (run.learning_rate, run.training_duration, run.context_length) == (5e-7, "2ep", 512)
    assert (run.eval_prompts, run.submitted_config["seed"]) == (["What is 2 + 2?"], 7)
    kept = Run.objects.get(name=run.name)
    assert (kept.asked.learning_rate, kept.asked.seed) == (5e-7, 7)
    assert fm.get(run) == fm.get(run.name)


def test_what_is_wrong_is_said_field_by_field_and_nothing_is_created(ready: Start) -> None:
    with pytest.raises(ApiError) as refused:
        fm.create(**ready, training_duration="banana", learning_rate="fast", context_length=-5)
    assert refused.value.status == 400
    assert {problem.field for problem in refused.value.problems} == {"training_duration", "learning_rate", "context_length"}
    assert not Run.objects.exists()


def test_a_run_is_canceled_once_and_deleted_once(ready: Start) -> None:
    run = fm.create(**ready)
    assert fm.delete(run) == 0  # it has not ended
    assert run.cancel().status is RunStatus.STOPPED
    assert fm.cancel([run, "no-such-run"]) == 0
    assert fm.delete([run.name]) == 1
    with pytest.raises(ApiError) as gone:
        run.refresh()
    assert gone.value.status == 404


def test_cancel_counts_those_that_it_stopped(ready: Start) -> None:
    runs = [fm.create(**ready) for _ in range(3)]
    runs[0].cancel()
    assert fm.cancel(runs) == 2
    assert {run.refresh().status for run in runs} == {RunStatus.STOPPED}


def test_nobody_cancels_or_sees_a_strangers_run(ready: Start, web: Any, stranger: User) -> None:
    from runs.services import access

    run = fm.create(**ready)
    fm.connect(web.url, access.create_token(by=stranger, name="script")[1])
    assert fm.cancel(run) == 0
    assert list(fm.list()) == []
    assert Run.objects.get(name=run.name).status == Status.PENDING


def test_lists_are_filtered_by_what_one_asks_for(ready: Start, training: Run) -> None:
    stopped, waiting = fm.create(**ready).cancel(), fm.create(**ready)
    assert [run.name for run in fm.list()] == [waiting.name, stopped.name, training.name]
    assert fm.list(statuses=["stopped"])[0].name == stopped.name
    assert {run.name for run in fm.list(statuses=[RunStatus.STOPPED, "RUNNING"])} == {stopped.name, training.name}
    assert [run.name for run in fm.list([training.name, "no-such-run"])] == [training.name]
    assert len(fm.list(user_emails="OWNER@example.org")) == len(fm.list(owner="owner")) == 3
    assert fm.list(owner="somebody") == []
    assert [run.name for run in fm.list(before=stopped.created_at)] == [training.name]
    assert len(fm.list(after=timezone.now() + timedelta(days=1))) == 0
    assert len(fm.list(after="2020-01-31 10:00:00", before="12-31-2199")) == 3
    assert [run.name for run in fm.list(experiment_path=waiting.submitted_experiment_path)] == [waiting.name]


@pytest.mark.parametrize("wrong", [{"statuses": ["done"]}, {"before": "yesterday"}, {"limit": 0}])
def test_a_filter_that_means_nothing_is_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"status|date|limit"):
        fm.list(**wrong)


def test_pages_follow_one_another_to_the_end(ready: Start) -> None:
    made = [fm.create(**ready).name for _ in range(5)][::-1]
    first = fm.list(limit=2)
    assert ([run.name for run in first], first.has_next_page) == (made[:2], True)
    second = first.next_page()
    assert [run.name for run in second] == [run.name for run in first.next_page()] == made[2:4]
    last = second.next_page(limit=50)
    assert ([run.name for run in last], last.has_next_page, last.next_page()) == (made[4:], False, [])
    assert len(last.to_pandas()) == 1


def test_metrics_are_a_frame_with_the_steps_as_its_index(training: Run) -> None:
    frame = fm.metrics(training.name, keys=["loss"])
    assert isinstance(frame, pandas.DataFrame)
    assert (len(frame), frame.index[0], frame.index[-1]) == (50, 1, 50)
    assert "learning_rate" not in frame.columns
    assert frame.loss.iloc[-1] == pytest.approx(training.last_loss)
    assert fm.metrics(training.name, kind="eval").empty
    assert len(fm.metrics(training.name, points=10)) <= 20


def test_without_pandas_they_are_dictionaries(training: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    rows = fm.metrics(training.name)
    assert isinstance(rows, list)
    assert {"step", "loss", "learning_rate"} <= rows[0].keys()


def test_samples_and_checkpoints_are_those_of_the_evaluations(training: Run) -> None:
    scenes.evaluate(training, 50, 0.5)
    assert {sample.step for sample in fm.samples(training.name)} == {50}
    (path,) = fm.get_checkpoints(fm.get(training.name))
    assert path == f"chat-live/{training.checkpoints.get().name}"
    training.checkpoints.update(deleted_at=timezone.now())
    assert fm.get_checkpoints("chat-live") == []


def test_a_run_in_training_shows_its_progress(training: Run) -> None:
    run = fm.get("chat-live")
    assert run.run_progress == "RUNNING ■■■■■□□□□□(50%)"
    run.estimated_end_time = timezone.now() + timedelta(minutes=12, seconds=1)
    assert run.formatted_eta == "12min"


def test_what_people_wrote_is_text_in_a_notebook(training: Run) -> None:
    training.details = "<script>alert(1)</script>"
    training.save()
    run = fm.get("chat-live")
    for page in (run._repr_html_(), fm.list()._repr_html_()):
        assert "&lt;script&gt;" in page
        assert "<script" not in page


def test_waiting_ends_with_the_run_or_with_patience(ready: Start) -> None:
    run = fm.create(**ready)
    with pytest.raises(WaitedTooLong):
        fm.wait(run, timeout=0.2, poll=0.05)
    run.cancel()
    assert fm.wait(run, timeout=0.2).status is RunStatus.STOPPED


def test_waiting_sees_what_somebody_else_does(ready: Start) -> None:
    run = fm.create(**ready)
    somebody = threading.Timer(0.3, fm.cancel, [run.name])
    somebody.start()
    assert fm.wait(run, timeout=20, poll=0.05).status is RunStatus.STOPPED
    somebody.join()


def test_following_writes_each_event_and_ends_with_the_run(ready: Start, capsys: pytest.CaptureFixture[str]) -> None:
    run = fm.create(**ready).cancel()
    events = fm.get_events(run, follow=True)
    assert events == run.events == run.get_events()
    assert [event.type for event in events] == [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert (events[0].type, events[-1].type) == ("CREATED", "CANCELED")


def test_a_file_becomes_a_data_set_or_is_refused_by_line(ready: Start, tmp_path: Path) -> None:
    good, bad = tmp_path / "more.jsonl", tmp_path / "bad.jsonl"
    good.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    bad.write_text('{"messages": []}\n{"messages": "no"}\n')
    made = fm.upload(good, name="more")
    assert (made.name, made.rows) == ("more", len(ROWS))
    assert isinstance(fm.create(**ready | {"train_data_path": made.name}), TrainingRun)
    with pytest.raises(ApiError, match="Line 1"):
        fm.upload(bad)


def test_models_and_estimates(ready: Start, base_model: BaseModel) -> None:
    (model,) = fm.get_models()
    assert (model.name, model.max_context_length, model.available) == ("test/tiny-chat", 2_048, True)
    retired = BaseModel.objects.get(pk=base_model.pk)
    retired.enabled = False
    retired.save()
    assert fm.get_models() == []


def test_an_estimate_creates_nothing(ready: Start) -> None:
    with pytest.raises(ApiError) as refused:
        fm.estimate(**ready, learning_rate="quick")
    assert refused.value.problems[0].field == "learning_rate"
    assert not Run.objects.exists()
