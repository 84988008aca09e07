"""Waiting runs get devices, one each, in their order; runs that nobody follows are taken over."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections, connection
from django.utils import timezone

from runs import wiring
from runs.contract.events import EventType, Phase
from runs.execution.devices import Slot
from runs.models import Run, RunStatus, User
from runs.services import dispatch, lifecycle
from tests.app.conftest import Submit
from tests.fakes import FakeLauncher


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]


def test_a_pending_run_is_queued_then_claimed_then_started(run: Run, launcher: FakeLauncher) -> None:
    assert names(dispatch.start_waiting()) == [run.name]
    run.refresh_from_db()
    assert (run.status, run.device_kind, run.device_indices, run.attempts) == (RunStatus.STARTING, "cpu", [0], 1)
    assert run.lease_token
    assert run.lease_node == wiring.node()
    assert launcher.started == [run.name]
    assert run.events.filter(type=EventType.STARTED).count() == 1


def test_the_engine_gets_a_specification_without_gaps(submit: Submit, launcher: FakeLauncher) -> None:
    run = submit(training_duration="2ep", eval_prompts=["2 + 2?"])
    dispatch.start_waiting()
    spec = wiring.run_folder(run.name).read_spec()
    settings = spec.hyperparameters
    assert (settings.training_duration, settings.learning_rate, settings.context_length) == ("2ep", 0.001, 2_048)
    assert (spec.eval_prompts, spec.base_model.name, spec.base_model.licence) == (("2 + 2?",), "test/tiny-chat", "open")
    assert spec.train.path.is_file()


def test_one_device_takes_one_run_and_the_others_keep_their_places(submit: Submit, launcher: FakeLauncher) -> None:
    first, second, third = submit(), submit(), submit()
    assert names(dispatch.start_waiting()) == [first.name]
    assert dispatch.start_waiting() == []
    for run in (second, third):
        run.refresh_from_db()
    assert (second.queue_position, third.queue_position) == (1, 2)
    assert second.status == RunStatus.QUEUED


def test_each_device_gets_its_own_run(submit: Submit, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "device_slots", lambda: [Slot("cuda", 0), Slot("cuda", 1)])
    runs = [submit() for _ in range(3)]
    assert names(dispatch.start_waiting()) == names(runs[:2])
    assert {(run.device_kind, *run.device_indices) for run in Run.objects.filter(status=RunStatus.STARTING)} == {
        ("cuda", 0),
        ("cuda", 1),
    }
    assert wiring.run_folder(runs[1].name).read_spec().device.indices == (1,)


def test_a_device_is_free_again_while_its_run_is_being_registered(submit: Submit, launcher: FakeLauncher) -> None:
    first, second = submit(), submit()
    dispatch.start_waiting()
    first.refresh_from_db()
    first.move_to(RunStatus.RUNNING)
    first.phase = Phase.REGISTERING
    first.save()
    assert names(dispatch.start_waiting()) == [second.name]


def test_an_engine_that_cannot_be_started_fails_its_run_in_words(run: Run, launcher: FakeLauncher) -> None:
    launcher.broken = "No space left on device."
    dispatch.start_waiting()
    run.refresh_from_db()
    assert (run.status, run.fault) == (RunStatus.FAILED, "engine")
    assert "No space left on device." in run.details
    assert run.advice


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_put_two_runs_on_one_device(submit: Submit, launcher: FakeLauncher) -> None:
    for _ in range(4):
        submit()
    together = threading.Barrier(3)

    def work() -> None:
        close_old_connections()
        together.wait()
        dispatch.start_waiting()
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(launcher.started) == 1
    assert Run.objects.filter(status=RunStatus.STARTING).count() == 1


def silent_since(run: Run, seconds: float) -> str:
    run.refresh_from_db()
    Run.objects.filter(pk=run.pk).update(lease_heartbeat=timezone.now() - timedelta(seconds=seconds))
    return run.lease_token


def test_a_run_whose_follower_fell_silent_is_taken_over_once(
    run: Run, launcher: FakeLauncher, django_capture_on_commit_callbacks: Any
) -> None:
    dispatch.start_waiting()
    old = silent_since(run, dispatch.LEASE_SECONDS + 1)
    with django_capture_on_commit_callbacks() as nudges:
        assert names(dispatch.reap()) == [run.name]
        assert dispatch.reap() == []
    assert [nudge.args for nudge in nudges] == [("runs.tasks.follow", (run.pk, _token(run)), 0)]
    assert not dispatch.renew(run.pk, old)
    assert dispatch.renew(run.pk, _token(run))


def _token(run: Run) -> str:
    run.refresh_from_db()
    return run.lease_token


def test_a_follower_that_speaks_keeps_its_run(run: Run, launcher: FakeLauncher) -> None:
    dispatch.start_waiting()
    silent_since(run, dispatch.LEASE_SECONDS - 3)
    assert dispatch.reap() == []


def test_what_was_registering_is_published_by_the_next_who_comes(
    run: Run, launcher: FakeLauncher, django_capture_on_commit_callbacks: Any
) -> None:
    dispatch.start_waiting()
    silent_since(run, 60)
    Run.objects.filter(pk=run.pk).update(phase=Phase.REGISTERING)
    with django_capture_on_commit_callbacks() as nudges:
        dispatch.reap()
    assert nudges[0].args[0] == "runs.tasks.publish"


def test_a_nudge_that_was_lost_is_sent_again(run: Run, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as nudges:
        dispatch.reap()
    assert [nudge.args[0] for nudge in nudges] == ["runs.tasks.start"]


def test_a_broker_that_is_away_fails_nobodys_request(
    asked: dict[str, Any],
    owner: User,
    accepted: None,
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = lifecycle.submit(by=owner, asked=lifecycle.read_request(asked))
    assert Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).exists()
    assert "Beat will see to it" in caplog.text


def test_canceling_a_run_that_is_just_being_started_reaches_its_engine(run: Run, owner: User, launcher: FakeLauncher) -> None:
    dispatch.admit()
    dispatch._claim()  # the worker has the run, and has not made its folder yet
    assert lifecycle.cancel(run=run, by=owner).status == RunStatus.TERMINATING
    assert wiring.run_folder(run.name).stop.exists()
