"""Base models and licences as admins put them on offer."""

from collections.abc import Sequence
from typing import TypeVar

from django.db import transaction

from runs import wiring
from runs.models import BaseModel, Licence, Team, User
from runs.services import verifying
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid

Row = TypeVar("Row", BaseModel, Licence)


@transaction.atomic
def save_model(*, model: BaseModel, by: User, changed: Sequence[str], teams: Sequence[Team] | None = None) -> BaseModel:
    """Add a base model, or keep an admin's change of the fields named in `changed`; `teams` are those that may use it."""
    if model.enabled and BaseModel.objects.filter(pk=model.pk, enabled=False).exists():
        check_fit(model)
    _save(model, by, "model", [name for name in changed if name != "teams"])
    if teams is not None and set(model.teams.all()) != set(teams):
        before, after = sorted(str(team) for team in model.teams.all()), sorted(str(team) for team in teams)
        model.teams.set(teams)
        record("model.teams", model, by=by, before={"teams": before}, after={"teams": after})
    if not model.verification or "folder" in changed:
        verifying.verify(model=model, by=by)
    return model


def check_fit(model: BaseModel) -> None:
    """Raise Invalid unless the model is here and in order: nothing else is switched on."""
    problems = verifying.look(wiring.model_folder(model), model=model)[0].problems
    if problems:
        raise Invalid(f"It cannot be switched on: {' '.join(problems)}", field="enabled")


@transaction.atomic
def save_licence(*, licence: Licence, by: User, changed: Sequence[str]) -> Licence:
    """Add a licence or change it. A changed text must be accepted again by everybody."""
    return _save(licence, by, "licence", changed)


def _save(row: Row, by: User, kind: str, changed: Sequence[str]) -> Row:
    require(by, "catalog.change")
    kept = type(row).objects.filter(pk=row.pk).first()
    row.save()
    before = {name: getattr(kept, name) for name in changed} if kept else {}
    after = {name: getattr(row, name) for name in changed}
    record(f"{kind}.change" if kept else f"{kind}.add", row, by=by, before=before, after=after)
    return row
