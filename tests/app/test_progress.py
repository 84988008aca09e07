"""What an engine says becomes rows, each line once; how it ends settles the run."""

from typing import Any

import pytest
from django.utils import timezone

from runs import wiring
from runs.contract.events import CheckpointDeleted, Evaluation, EventType, Fault, Outcome, Phase, Progress, Resumed, Sample
from runs.models import MetricPoint, Run, RunStatus, User
from runs.services import dispatch, lifecycle, progress
from runs.services.absorbing import in_short
from runs.services.settling import MOST_ATTEMPTS
from tests.app.conftest import Submit
from tests.fakes import FakeEngine, FakeLauncher


@pytest.fixture
def engine(run: Run, launcher: FakeLauncher) -> FakeEngine:
    """The engine of a run that has just been started."""
    dispatch.start_waiting()
    run.refresh_from_db()
    return launcher.engines[run.name]


def follow(run: Run) -> bool:
    run.refresh_from_db()
    goes_on = progress.advance(run.pk, run.lease_token)
    run.refresh_from_db()
    return goes_on


def test_a_quiet_engine_changes_nothing(run: Run, engine: FakeEngine) -> None:
    assert follow(run)
    assert (run.status, run.events_offset) == (RunStatus.STARTING, 0)


def test_counted_progress_is_shown_before_the_first_step(run: Run, engine: FakeEngine) -> None:
    engine.says(Progress(time=timezone.now(), phase=Phase.DATA, doing="tokenizing", done=40, total=120, unit="rows"))
    follow(run)
    assert (run.phase, run.progress) == (Phase.DATA, {"doing": "tokenizing", "done": 40, "total": 120, "unit": "rows"})


def test_an_engine_that_could_not_be_told_to_stop_is_told_when_there_is_room(run: Run, engine: FakeEngine, owner: User) -> None:
    away = engine.folder.path.rename(engine.folder.path.with_suffix(".away"))
    engine.folder.path.touch()  # nothing can be written below it, as on a full disk
    assert lifecycle.cancel(run=run, by=owner).status == RunStatus.TERMINATING
    engine.folder.path.unlink()
    away.rename(engine.folder.path)
    follow(run)
    assert engine.folder.stop.exists()


def test_steps_become_points_and_the_run_is_running(run: Run, engine: FakeEngine) -> None:
    engine.trains(first=1, last=3, of=4)
    assert follow(run)
    assert (run.status, run.phase, run.step, run.total_steps) == (RunStatus.RUNNING, Phase.TRAINING, 3, 4)
    assert run.started_at is not None
    assert run.estimated_end_at is not None
    assert list(MetricPoint.objects.filter(run=run).values_list("step", flat=True)) == [1, 2, 3]
    assert run.events.get(type=EventType.TRAIN_UPDATED).message == "[epoch=2/2][batch=1/2][ETA=2s] Train loss: 0.6667"


def test_every_line_counts_once_however_often_it_is_looked_at(run: Run, engine: FakeEngine) -> None:
    engine.trains(first=1, last=2)
    for _ in range(3):
        follow(run)
    events = list(run.events.values_list("type", flat=True))
    assert MetricPoint.objects.filter(run=run).count() == 2
    assert len(events) == len(set(events))
    assert run.events_offset == engine.folder.events.stat().st_size


def test_half_a_line_waits_for_its_other_half(run: Run, engine: FakeEngine) -> None:
    engine.trains(first=1, last=1)
    whole = engine.step(2).model_dump_json().encode() + b"\n"
    with engine.folder.events.open("ab") as file:
        file.write(whole[:50])
    follow(run)
    assert run.step == 1
    with engine.folder.events.open("ab") as file:
        file.write(whole[50:])
    follow(run)
    assert run.step == 2


def test_a_line_longer_than_a_chunk_is_read(run: Run, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "CHUNK", 100)
    engine.says(Sample(time=timezone.now(), step=0, index=0, prompt="p", answer="a" * 1_000))
    follow(run)
    assert len(run.samples.get().answer) == 1_000


def test_a_line_that_nobody_can_read_is_left_out_and_logged(
    run: Run, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.folder.events.open("ab") as file:
        file.write(b'{"kind": "dance"}\nnot json\n')
    engine.trains(first=1, last=1)
    assert follow(run)
    assert run.step == 1
    assert "dance" in caplog.text


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_kept_as_missing(run: Run, engine: FakeEngine, loss: float) -> None:
    engine.trains(first=1, last=1)
    engine.says(engine.step(2, loss=loss).model_copy(update={"seconds_left": float("inf")}))
    assert follow(run)
    assert (run.step, run.last_loss) == (2, None)
    assert MetricPoint.objects.get(run=run, step=2).values["loss"] is None


def test_a_model_may_answer_with_a_nul(run: Run, engine: FakeEngine) -> None:
    engine.says(Sample(time=timezone.now(), step=0, index=0, prompt="p", answer="a\x00b"))
    follow(run)
    assert run.samples.get().answer == "a\ufffdb"


def test_evaluations_samples_and_checkpoints(run: Run, engine: FakeEngine) -> None:
    now = timezone.now()
    engine.trains(first=1, last=2)
    engine.says(Evaluation(time=now, step=2, epoch=1, tokens=200, loss=1.5, perplexity=4.48, token_accuracy=0.5))
    engine.says(Sample(time=now, step=2, index=0, prompt="1 + 1?", answer="2"))
    engine.keeps_checkpoint("ep1-ba2", 2)
    follow(run)
    assert MetricPoint.objects.evaluation().get(run=run).values == {"loss": 1.5, "perplexity": 4.48, "token_accuracy": 0.5}
    assert run.samples.get().answer == "2"
    assert run.events.get(type=EventType.CHECKPOINT_SAVED).message == "Checkpoint ep1-ba2 saved."
    engine.says(CheckpointDeleted(time=now, name="ep1-ba2"))
    follow(run)
    assert run.checkpoints.get().deleted_at is not None


def test_a_resumed_engine_replaces_what_it_says_again(run: Run, engine: FakeEngine) -> None:
    engine.trains(first=1, last=3)
    follow(run)
    engine.says(Resumed(time=timezone.now(), step=1))
    engine.says(engine.step(2, loss=0.25), engine.step(3, loss=0.125))
    follow(run)
    losses = MetricPoint.objects.filter(run=run).order_by("step").values_list("values__loss", flat=True)
    assert list(losses) == [2.0, 0.25, 0.125]


def test_whoever_lost_the_lease_writes_nothing(run: Run, engine: FakeEngine) -> None:
    old = run.lease_token
    Run.objects.filter(pk=run.pk).update(lease_token="another")
    engine.trains()
    assert not progress.advance(run.pk, old)
    assert not progress.advance(run.pk, "")
    assert not MetricPoint.objects.exists()


def test_a_finished_engine_hands_over_to_the_registry(
    run: Run, engine: FakeEngine, django_capture_on_commit_callbacks: Any
) -> None:
    engine.trains(first=1, last=4)
    engine.ends(Outcome.COMPLETED, step=4)
    assert follow(run)  # first what it said, then how it ended
    with django_capture_on_commit_callbacks() as nudges:
        assert not follow(run)
    assert (run.status, run.phase, run.step) == (RunStatus.RUNNING, Phase.REGISTERING, 4)
    assert [nudge.args[0] for nudge in nudges] == ["runs.tasks.publish", "runs.tasks.start"]


def test_a_failed_engine_says_why(run: Run, engine: FakeEngine) -> None:
    engine.ends(Outcome.FAILED, fault=Fault.MEMORY, message="Out of memory at batch 12.", advice="Halve the context length.")
    assert not follow(run)
    assert (run.status, run.fault, run.details, run.advice) == (
        RunStatus.FAILED, "memory", "Out of memory at batch 12.", "Halve the context length."
    )  # fmt: skip
    assert run.events.get(type=EventType.FAILED).message == "Out of memory at batch 12."
    assert run.lease_token == ""


def test_a_canceled_run_is_stopped_when_its_engine_has_left(run: Run, engine: FakeEngine, owner: User) -> None:
    engine.trains(first=1, last=2)
    follow(run)
    lifecycle.cancel(run=run, by=owner)
    engine.ends(Outcome.STOPPED, step=2)
    assert not follow(run)
    assert (run.status, run.details) == (RunStatus.STOPPED, "Run canceled at batch 2.")


def test_a_cancellation_that_came_too_late_still_stops(run: Run, engine: FakeEngine, owner: User) -> None:
    engine.trains(first=1, last=4)
    engine.ends(Outcome.COMPLETED, step=4)
    lifecycle.cancel(run=run, by=owner)
    while follow(run):
        pass
    assert run.status == RunStatus.STOPPED


def test_a_killed_engine_goes_back_to_the_queue_and_on_from_there(run: Run, engine: FakeEngine, launcher: FakeLauncher) -> None:
    engine.trains(first=1, last=2)
    engine.is_killed()
    assert follow(run)
    assert not follow(run)
    assert (run.status, run.lease_token) == (RunStatus.QUEUED, "")
    assert run.events.filter(type=EventType.REQUEUED).count() == 1
    dispatch.start_waiting()
    second = launcher.engines[run.name]
    second.says(Resumed(time=timezone.now(), step=1))
    second.trains(first=2, last=4)
    follow(run)
    assert (run.status, run.step, run.attempts) == (RunStatus.RUNNING, 4, 0)
    assert run.events.filter(type=EventType.STARTED).count() == 1


def test_a_run_that_keeps_losing_its_engine_fails_in_words(run: Run, engine: FakeEngine, launcher: FakeLauncher) -> None:
    for _ in range(MOST_ATTEMPTS):
        launcher.engines[run.name].is_killed()
        follow(run)
        dispatch.start_waiting()
    run.refresh_from_db()
    assert (run.status, run.fault) == (RunStatus.FAILED, "engine")
    assert "lost 3 times" in run.details


def test_stopping_the_machine_as_often_as_one_likes_fails_nothing(run: Run, engine: FakeEngine, launcher: FakeLauncher) -> None:
    for _ in range(MOST_ATTEMPTS + 2):
        launcher.engines[run.name].ends(Outcome.INTERRUPTED)
        assert not follow(run)
        assert run.status == RunStatus.QUEUED
        dispatch.start_waiting()


def test_a_run_canceled_while_its_engine_was_lost_is_stopped(run: Run, engine: FakeEngine, owner: User) -> None:
    lifecycle.cancel(run=run, by=owner)
    engine.is_killed()
    assert not follow(run)
    assert run.status == RunStatus.STOPPED


def test_a_spell_of_following_ends_and_wants_a_successor(run: Run, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SPELL_SECONDS", 0.5)
    engine.trains(first=1, last=1)
    assert progress.follow(run.pk, run.lease_token)
    engine.ends(Outcome.FAILED, message="Stop.")
    assert not progress.follow(run.pk, run.lease_token)


@pytest.mark.parametrize(
    ("duration", "place"), [("2ep", "[epoch=2/2][batch=1/2]"), ("4ba", "[batch=3/4]"), ("400tok", "[token=300/400]")]
)
def test_progress_is_told_in_the_unit_that_was_asked_for(
    submit: Submit, launcher: FakeLauncher, duration: str, place: str
) -> None:
    run = submit(training_duration=duration)
    dispatch.start_waiting()
    launcher.engines[run.name].trains(first=1, last=3, of=4)
    follow(run)
    assert run.events.get(type=EventType.TRAIN_UPDATED).message.startswith(place)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0s"), (59, "59s"), (60, "1min"), (5_400, "2hr"), (200_000, "2d")])
def test_remaining_time_in_short(seconds: float, words: str) -> None:
    assert in_short(seconds) == words


def test_the_folder_of_a_run_has_its_specification(run: Run, engine: FakeEngine) -> None:
    assert wiring.run_folder(run.name).read_spec().name == run.name
