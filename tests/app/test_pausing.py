"""A paused run frees its device, keeps its place in training, and goes on when it is told to."""

import pytest
from django.test import Client

from runs import wiring
from runs.contract.events import EventType, Outcome, Phase
from runs.models import Run, RunStatus, User
from runs.services import dispatch, lifecycle, pausing, progress
from runs.services.refused import CannotPause, NotAllowed
from tests.app.conftest import Call, Submit, text
from tests.fakes import FakeEngine, FakeLauncher

Trained = tuple[Run, FakeEngine]


def follow(run: Run) -> None:
    run.refresh_from_db()
    progress.advance(run.pk, run.lease_token)
    run.refresh_from_db()


def test_a_waiting_run_leaves_the_queue_and_comes_back_behind_the_others(submit: Submit, owner: User) -> None:
    first, second = submit(), submit()
    dispatch.admit()
    assert pausing.pause(run=first, by=owner).status == RunStatus.PAUSED
    assert [run.pk for run in Run.objects.queued()] == [second.pk]
    pausing.resume(run=first, by=owner)
    assert [run.pk for run in Run.objects.queued()] == [second.pk, first.pk]


def test_a_training_run_is_told_through_its_folder_and_frees_its_device(trained: Trained, owner: User, submit: Submit) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    follow(run)
    assert (run.status, run.is_pausing, engine.folder.pause.exists()) == (RunStatus.RUNNING, True, True)
    engine.trains(first=4, last=4)
    follow(run)
    assert "Pausing" in run.details, "the step it was at does not say that all goes on"
    engine.ends(Outcome.INTERRUPTED, step=4)
    follow(run)
    assert (run.status, run.details, run.lease_token) == (RunStatus.PAUSED, "Paused after batch 4.", "")
    assert dispatch.start_waiting() == [], "a paused run is nobody's next"
    other = submit()
    assert dispatch.start_waiting() == [other], "and its device is free"


def test_a_resumed_run_starts_again_with_all_it_had(trained: Trained, owner: User, launcher: FakeLauncher) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    engine.ends(Outcome.INTERRUPTED, step=3)
    follow(run)
    pausing.resume(run=run, by=owner)
    assert [started.name for started in dispatch.start_waiting()] == [run.name]
    assert not wiring.run_folder(run.name).pause.exists(), "else it would pause again at once"
    assert [event.type for event in run.events.all()][-2:] == [EventType.PAUSED, EventType.REQUEUED]
    assert run.points.count() == 3
    assert launcher.started == [run.name, run.name]


def test_whoever_changes_their_mind_in_time_loses_nothing(trained: Trained, owner: User) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    follow(run)
    pausing.resume(run=run, by=owner)
    follow(run)
    assert (run.status, run.is_pausing, engine.folder.pause.exists()) == (RunStatus.RUNNING, False, False)
    engine.ends(Outcome.INTERRUPTED, step=3)  # it had listened already
    follow(run)
    assert run.status == RunStatus.QUEUED


@pytest.mark.parametrize(("outcome", "phase"), [(Outcome.COMPLETED, Phase.REGISTERING), (Outcome.FAILED, Phase.TRAINING)])
def test_a_run_that_ends_before_it_listens_has_ended(trained: Trained, owner: User, outcome: Outcome, phase: Phase) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    engine.ends(outcome, step=4, message="Out of memory.")
    follow(run)
    assert (run.phase, run.pause_wanted) == (phase, False)
    with pytest.raises(CannotPause):
        pausing.pause(run=run, by=owner)


def test_an_engine_lost_while_pausing_is_a_paused_run(trained: Trained, owner: User) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    engine.is_killed()
    follow(run)
    assert run.status == RunStatus.PAUSED


def test_a_paused_run_can_be_stopped_and_then_not_resumed(trained: Trained, owner: User) -> None:
    run, engine = trained
    pausing.pause(run=run, by=owner)
    engine.ends(Outcome.INTERRUPTED, step=3)
    follow(run)
    assert lifecycle.cancel(run=run, by=owner).status == RunStatus.STOPPED
    with pytest.raises(CannotPause, match="is stopped, not paused"):
        pausing.resume(run=run, by=owner)


def test_only_its_owner_or_an_admin_may(run: Run, colleague: User, viewer: User, admin: User) -> None:
    for person in (colleague, viewer):
        with pytest.raises(NotAllowed):
            pausing.pause(run=run, by=person)
    assert pausing.pause(run=run, by=admin).status == RunStatus.PAUSED
    with pytest.raises(NotAllowed):
        pausing.resume(run=run, by=colleague)


def test_the_page_offers_what_can_be_done_and_says_where_it_stands(run: Run, owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    assert ">Pause<" in text(browser.get(f"/runs/{run.name}/"))
    shown = text(browser.post(f"/runs/{run.name}/pause/", follow=True))
    assert ">Resume<" in shown
    assert ">Pause<" not in shown
    assert "Paused before its first batch." in shown
    assert run.name in text(browser.get("/?status=paused"))
    assert ">Pause<" in text(browser.post(f"/runs/{run.name}/resume/", follow=True))
    assert browser.get(f"/runs/{run.name}/pause/").status_code == 405, "a link changes nothing"


def test_rest_pauses_and_resumes(run: Run, api: Call) -> None:
    assert api("POST", f"runs/{run.name}/pause").json()["status"] == "PAUSED"
    assert api("POST", f"runs/{run.name}/resume").json()["status"] == "QUEUED"
    assert api("POST", f"runs/{run.name}/resume").status_code == 409
