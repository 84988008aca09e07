"""Take base models off the offer: notice given, then gone on their date, in this installation's time zone; or brought back."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from runs.models import BaseModel, User
from runs.models.catalog import NOTICE_DAYS
from runs.services import holding, impacts, notices
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import CannotRetire, Problem

FIELDS = ("announced_on", "retires_on", "replacement", "retirement_reason")


def default_date() -> date:
    return timezone.localdate() + timedelta(days=NOTICE_DAYS)


@transaction.atomic
def retire(*, model: BaseModel, by: User, on: date, replacement: BaseModel | None, reason: str) -> BaseModel:
    """From now on nobody begins with the model, from `on` on nobody uses it. Runs at work finish; waiting ones are held."""
    require(by, "catalog.change")
    if found := faults(model=model, on=on, replacement=replacement, reason=reason):
        raise CannotRetire(problems=found)
    before = _end(model)
    model.announced_on = model.announced_on or timezone.localdate()
    model.retires_on, model.replacement, model.retirement_reason = on, replacement, _sentence(reason.strip())
    model.carried_out_on = None
    model.save()
    record("model.retire", model, by=by, before=before, after=_end(model))
    notices.tell(impacts.people(model), **_announcement(model))
    holding.release(model)  # the date may have been moved into the future
    _carry_out(model)
    return model


def faults(*, model: BaseModel, on: date | None, replacement: BaseModel | None, reason: str) -> list[Problem]:
    """All that stands against it, each at its field; `on` is None where a form could not read it."""
    found = [("reason", "Say why, for the people who use it.")] if not reason.strip() else []
    if on is not None and on < timezone.localdate():
        found.append(("on", "This day is over. Take today to retire it at once."))
    if replacement is not None:
        found += [("replacement", sentence) for sentence in _against(replacement, model, on)]
    return [Problem(CannotRetire.code, sentence, field) for field, sentence in found]


def _against(replacement: BaseModel, model: BaseModel, on: date | None) -> Iterator[str]:
    if replacement.pk == model.pk:
        yield "A model cannot replace itself."
    if on is not None and replacement.retires_on is not None and replacement.retires_on <= on:
        yield f"{replacement.name} is itself gone by then. Choose another replacement."
    if not replacement.enabled:
        yield f"{replacement.name} is switched off. Choose another replacement."


@transaction.atomic
def retire_all(
    *, models: Iterable[BaseModel], by: User, on: date, replacement: BaseModel | None, reason: str
) -> list[BaseModel]:
    """Retire several, a family say: all of them or none."""
    return [retire(model=model, by=by, on=on, replacement=replacement, reason=reason) for model in models]


@transaction.atomic
def restore(*, model: BaseModel, by: User, reason: str) -> BaseModel:
    """Undo a retirement: runs that were held for it wait for a device again."""
    require(by, "catalog.change")
    if model.retires_on is None:
        raise CannotRetire(f"{model.name} is not retired, and will not be.")
    if not reason.strip():
        raise CannotRetire("Say why, for the audit log.", field="reason")
    record("model.restore", model, by=by, before=_end(model), reason=reason.strip())
    model.announced_on = model.retires_on = model.replacement = model.carried_out_on = None
    model.retirement_reason = ""
    model.save()
    freed = holding.release(model)
    text = f"It is on offer again, without a date. {reason.strip()}"
    waiting = f" {len(freed)} held run{' waits' if len(freed) == 1 else 's wait'} for a device again." if freed else ""
    notices.tell(impacts.people(model), title=f"{model.display_name} stays", text=text + waiting, path=_page(model))
    return model


def carry_out() -> list[BaseModel]:
    """What has to happen on a model's day, once. Its refusal itself hangs on the date, not on this."""
    due = BaseModel.objects.retired().filter(Q(carried_out_on__isnull=True) | ~Q(carried_out_on=F("retires_on")))
    return [model for model in due.select_related("replacement") if _carry_out(model)]


@transaction.atomic
def _carry_out(model: BaseModel) -> bool:
    """True for the one who did it: of several workers one wins."""
    mine = Q(carried_out_on__isnull=True) | ~Q(carried_out_on=model.retires_on)
    if not model.is_retired or not BaseModel.objects.filter(mine, pk=model.pk).update(carried_out_on=model.retires_on):
        return False
    model.carried_out_on = model.retires_on
    record("model.retired", model, by=None, on=str(model.retires_on))
    holding.hold_waiting(model)
    advice = f"Runs at work finish. Your waiting runs of it are held: move them{_to(model)} or cancel them."
    title = f"{model.display_name} is retired: your waiting runs are held"
    whose = holding.owners(model)  # whoever held their runs: the queue may have been faster than this
    notices.tell(whose, title=title, text=f"{model.retirement_reason} {advice}", path=f"{_page(model)}held/")
    return True


def _end(model: BaseModel) -> dict[str, object]:
    return {name: getattr(model, name) for name in FIELDS}


def _announcement(model: BaseModel) -> dict[str, str]:
    when = "is retired from today on" if model.is_retired else f"leaves on {model.retires_on:%d %b %Y}"
    instead = f" Use {model.replacement.display_name} instead." if model.replacement else " No replacement was named."
    return {"title": f"{model.display_name} {when}", "text": f"{model.retirement_reason}{instead}", "path": _page(model)}


def _sentence(reason: str) -> str:
    """With its full stop: other sentences follow it wherever it is shown."""
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _to(model: BaseModel) -> str:
    return f" to {model.replacement.display_name}" if model.replacement else " to another model"


def _page(model: BaseModel) -> str:
    return f"/base-models/{model.name}/"
