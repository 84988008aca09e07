"""Take base models off the offer, with a date, a reason and a replacement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, ModelVersion, Run, User
from runs.models.catalog import NOTICE_DAYS
from runs.services.audit import record
from runs.services.refused import CannotRetire, NotAllowed


@dataclass(frozen=True)
class Impact:
    """What depends on a base model."""

    waiting: int
    running: int
    versions: int
    people: int


def impact(model: BaseModel) -> Impact:
    runs = Run.objects.alive().filter(base_model=model)
    active = list(runs.active())
    return Impact(
        waiting=sum(run.is_idle for run in active),
        running=sum(not run.is_idle for run in active),
        versions=ModelVersion.objects.filter(run__base_model=model).count(),
        people=runs.values("owner").distinct().count(),
    )


def default_date() -> date:
    return timezone.localdate() + timedelta(days=NOTICE_DAYS)


@transaction.atomic
def retire(*, model: BaseModel, by: User, on: date, replacement: BaseModel | None, reason: str) -> BaseModel:
    """From `on` the model is not offered; until then its users are warned. Runs that exist already go on."""
    if not by.is_admin:
        raise NotAllowed("Only an admin may retire a base model.")
    if replacement is not None and replacement.pk == model.pk:
        raise CannotRetire("A model cannot replace itself.", field="replacement")
    if replacement is not None and replacement.retires_on is not None and replacement.retires_on <= on:
        raise CannotRetire(f"{replacement.name} is itself gone by then. Choose another replacement.", field="replacement")
    if replacement is not None and not replacement.enabled:
        raise CannotRetire(f"{replacement.name} is switched off. Choose another replacement.", field="replacement")
    if on < timezone.localdate():
        raise CannotRetire("This day is over. Take today to retire it at once.", field="on")
    if not reason.strip():
        raise CannotRetire("Say why, for the people who use it.", field="reason")
    model.announced_on = timezone.localdate()
    model.retires_on, model.replacement, model.retirement_reason = on, replacement, reason.strip()
    model.save()
    record("model.retire", model, by=by, on=on.isoformat(), replacement=replacement and replacement.name, reason=reason)
    return model


@transaction.atomic
def retire_all(
    *, models: Iterable[BaseModel], by: User, on: date, replacement: BaseModel | None, reason: str
) -> list[BaseModel]:
    """Retire several, a family say: all of them or none."""
    return [retire(model=model, by=by, on=on, replacement=replacement, reason=reason) for model in models]


@transaction.atomic
def restore(*, model: BaseModel, by: User, reason: str) -> BaseModel:
    """Undo a retirement."""
    if not by.is_admin:
        raise NotAllowed("Only an admin may restore a base model.")
    if model.retires_on is None:
        raise CannotRetire(f"{model.name} is not retired, and will not be.")
    if not reason.strip():
        raise CannotRetire("Say why, for the audit log.", field="reason")
    record("model.restore", model, by=by, was=str(model.retires_on), reason=reason)
    model.announced_on = model.retires_on = model.replacement = None
    model.retirement_reason = ""
    model.save()
    return model


def announce_due() -> list[BaseModel]:
    """Write down, once, that a model's day has come. The refusal itself hangs on the date, not on this."""
    gone = [model for model in BaseModel.objects.retired() if not _is_noted(model)]
    for model in gone:
        record("model.retired", model, by=None, on=str(model.retires_on))
    return gone


def _is_noted(model: BaseModel) -> bool:
    return AuditEntry.objects.filter(action="model.retired", target=model.name, details__on=str(model.retires_on)).exists()
