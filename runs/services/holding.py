"""Waiting runs of a base model that is gone: held with a reason, and let go when it comes back. `moving` moves them on."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import BaseModel, Run, User
from runs.models.status import WAITING
from runs.services import timeline
from runs.services.nudge import after_commit


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
