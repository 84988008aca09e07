"""An engine that the kernel killed for want of memory: it goes on with less at once, and ends in words when that is no help."""

from runs import wiring
from runs.contract.events import EventType
from runs.models import Run, RunStatus
from runs.services import dispatch, progress
from tests.fakes import FakeEngine, FakeLauncher


def notes(run: Run) -> list[str]:
    return [entry.message for entry in run.events.filter(type=EventType.ADVICE)]


def follow(run: Run) -> Run:
    """To the engine's end, and what follows from it."""
    run.refresh_from_db()
    while progress.advance(run.pk, run.lease_token):
        pass
    run.refresh_from_db()
    return run


def test_it_goes_on_with_half_as_many_tokens_at_a_time(trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    engine.is_killed(starved=True)
    follow(run)
    assert (run.status, wiring.run_folder(run.name).halved) == (RunStatus.QUEUED, 1)
    assert run.details.startswith("The machine had no memory left, and its kernel killed the training process.")
    (said,) = notes(run)
    assert "half as many tokens go through the model at a time" in said
    assert "the batch size is what it was" in said


def test_one_that_dies_before_its_first_step_ends_as_out_of_memory(run: Run, launcher: FakeLauncher) -> None:
    for _ in range(3):
        dispatch.start_waiting()
        launcher.engines[run.name].is_killed(starved=True)
        follow(run)
    assert (run.status, run.fault) == (RunStatus.FAILED, "memory")
    assert "3 times in a row" in run.details
    assert "context length" in run.advice


def test_one_that_somebody_killed_goes_on_as_it_was(trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    engine.is_killed()
    follow(run)
    assert (run.status, wiring.run_folder(run.name).halved, notes(run)) == (RunStatus.QUEUED, 0, [])


def test_one_that_is_being_cancelled_is_only_cancelled(trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    Run.objects.filter(pk=run.pk).update(pause_wanted=True)
    engine.is_killed(starved=True)
    follow(run)
    assert (run.status, wiring.run_folder(run.name).halved) == (RunStatus.PAUSED, 0)
