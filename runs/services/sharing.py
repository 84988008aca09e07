"""Who sees a thing: its owner or an admin says so, for each run, data set and registered model apart."""

from django.db import transaction

from runs.models import DataSet, RegisteredModel, Run, User, Visibility
from runs.services.audit import record
from runs.services.permissions import may, require
from runs.services.refused import Invalid, NotFound

Thing = Run | DataSet | RegisteredModel
OPERATION: dict[type[Thing], str] = {Run: "run.share", DataSet: "dataset.share", RegisteredModel: "registered.share"}


def may_share(thing: Thing, by: User) -> bool:
    return may(by, OPERATION[type(thing)], thing)


@transaction.atomic
def share(*, thing: Thing, by: User, visibility: str) -> None:
    """Say who sees it from now on: its owner alone, the team that it belongs to, or everyone here."""
    operation = OPERATION[type(thing)]
    require(by, operation, thing)
    if visibility not in Visibility.values:
        raise Invalid(f"Say one of {', '.join(Visibility.values)}.", field="visibility")
    before, thing.visibility = thing.visibility, visibility
    if before != visibility:
        type(thing)._default_manager.filter(pk=thing.pk).update(visibility=visibility)
        record(operation, thing, by=by, before={"visibility": before}, after={"visibility": visibility})


def registered(*, by: User, name: str) -> RegisteredModel:
    """The registered model of this name, if this person may see it."""
    found = RegisteredModel.objects.visible_to(by).select_related("owner", "team").filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no registered model “{name}”.")
    return found


def claim(run: Run) -> RegisteredModel:
    """The name that a run registers under: its own from the first version on, and as visible as the run."""
    made, _ = RegisteredModel.objects.get_or_create(
        name=run.register_to, defaults={"owner": run.owner, "team": run.team, "visibility": run.visibility}
    )
    return made


def check_name(name: str, by: User) -> None:
    """Raise Invalid for a name that belongs to somebody else's team: a version under it would speak in their name."""
    taken = RegisteredModel.objects.filter(name=name).first()
    if taken is None or by.is_admin or taken.owner_id == by.pk or (taken.team_id and taken.team_id == by.team_id):
        return
    raise Invalid(f"The name {name} belongs to others. Choose another one, or ask them or an admin.", field="register_to")
