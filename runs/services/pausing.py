"""Pause a run and let it go on. The row says what is wanted, its follower tells the engine; a run may end before it listens."""

from django.db import transaction

from runs.contract.events import EventType, Phase
from runs.models import Run, RunStatus, User
from runs.services import timeline
from runs.services.audit import record
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import CannotPause


@transaction.atomic
def pause(*, run: Run, by: User) -> Run:
    """A waiting run leaves the queue at once; a training one leaves its device after its step."""
    run = _locked(run, by)
    if run.is_pausing or run.status == RunStatus.PAUSED:
        return run
    if not run.is_waiting and run.status not in (RunStatus.STARTING, RunStatus.RUNNING):
        raise CannotPause(f"{run.name} is {run.get_status_display().lower()}: there is nothing to pause.")
    if run.phase == Phase.REGISTERING:
        raise CannotPause(f"{run.name} is trained and is being registered; it will be complete in a moment.")
    if run.awaits_data:
        raise CannotPause(f"The data of {run.name} are still being checked: it has not begun. Cancel it, or wait.")
    record("run.pause", run, by=by)
    if run.is_waiting:
        pause_now(run)
        return run
    run.pause_wanted, run.details = True, "Pausing after this step; its place is being kept."
    run.save()
    timeline.tell(run)
    return run


@transaction.atomic
def resume(*, run: Run, by: User) -> Run:
    """A paused run joins the end of the queue. One whose engine has not left yet stays, or comes back at once."""
    run = _locked(run, by)
    if run.is_pausing:
        run.pause_wanted, run.details = False, "Training."
        run.save()
        timeline.tell(run)
    elif run.status == RunStatus.PAUSED:
        run.move_to(RunStatus.QUEUED)
        run.details = "Waiting for a free device."
        run.save()
        timeline.add(
            run, EventType.REQUEUED, f"Run resumed; it goes on after batch {run.step}." if run.step else "Run resumed."
        )
        after_commit("runs.tasks.start")
    else:
        raise CannotPause(f"{run.name} is {run.get_status_display().lower()}, not paused.")
    record("run.resume", run, by=by)
    return run


def pause_now(run: Run) -> None:
    """Settle a run that nobody works on any more as PAUSED. The caller holds the row's lock."""
    run.move_to(RunStatus.PAUSED)
    run.details = f"Paused after batch {run.step}." if run.step else "Paused before its first batch."
    run.save()
    timeline.add(run, EventType.PAUSED, run.details)
    after_commit("runs.tasks.start")  # its device is free


def _locked(run: Run, by: User) -> Run:
    require(by, "run.pause", run)
    return Run.objects.select_for_update().get(pk=run.pk)
