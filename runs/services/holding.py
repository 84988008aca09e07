"""Waiting runs of a base model that is gone: held with a reason, moved to its replacement, or let go when it comes back."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import BaseModel, Run, User
from runs.models.status import WAITING
from runs.services import lifecycle, timeline
from runs.services.audit import record
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import CannotMove


@transaction.atomic
def hold_waiting(model: BaseModel | None = None) -> list[Run]:
    """Hold what waits for a model whose day has come; a run that had begun before goes on to its end."""
    rows = Run.objects.filter(status__in=WAITING, held="", started_at__isnull=True)
    rows = rows.filter(base_model__retires_on__lte=timezone.localdate())
    rows = rows.filter(base_model=model) if model else rows
    held = list(rows.select_related("base_model__replacement", "owner").select_for_update(of=("self",), skip_locked=True))
    for run in held:
        gone, instead = run.base_model, run.base_model.replacement
        advice = (
            f"Move it to {instead.display_name}, or cancel it." if instead else "Clone it with another model, or cancel it."
        )
        run.held = f"{gone.display_name} was retired on {gone.retires_on:%d %b %Y}."
        run.details = f"Held: {run.held} {advice}"
        run.save()
        timeline.add(run, EventType.REQUEUED, run.details)
    return held


def owners(model: BaseModel) -> QuerySet[User]:
    """Whose runs of this model are held."""
    held = Run.objects.filter(base_model=model, status__in=WAITING).exclude(held="")
    return User.objects.filter(pk__in=held.values("owner"))


@transaction.atomic
def release(model: BaseModel) -> list[Run]:
    """Let go what was held for a model that is on offer after all."""
    if model.is_retired:
        return []
    freed = list(Run.objects.filter(base_model=model, status__in=WAITING).exclude(held="").select_for_update())
    for run in freed:
        run.held, run.details = "", "Waiting for a free device."
        run.save()
        timeline.add(run, EventType.REQUEUED, f"{model.display_name} is on offer again; the run waits for a free device.")
    if freed:
        after_commit("runs.tasks.start")
    return freed


@transaction.atomic
def move(*, run: Run, by: User) -> Run:
    """Make the same run of the replacement, in the held one's place in the queue, and stop the held one.

    All rules hold, for its owner: whose the run is does not change when an admin moves it.
    """
    require(by, "run.move", run)
    run = Run.objects.select_for_update(of=("self",)).select_related("owner", "base_model__replacement").get(pk=run.pk)
    if not run.held or not run.is_waiting:
        raise CannotMove(f"{run.name} is not held.")
    instead = run.base_model.replacement
    if instead is None:
        raise CannotMove(f"No replacement was named for {run.base_model.name}. Clone the run and choose another model.")
    asked = lifecycle.read_request({**run.request, "model": instead.name})
    moved = lifecycle.submit(by=run.owner, asked=asked, labels=run.labels, waits=True)
    Run.objects.filter(pk=moved.pk).update(queued_at=run.queued_at)
    record("run.move", run, by=by, before={"model": run.base_model.name}, after={"model": instead.name, "run": moved.name})
    run.held = ""
    lifecycle.stop_now(run, f"Moved to {moved.name}, which trains {instead.display_name}.")
    return moved
