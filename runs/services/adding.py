"""New base models, from a folder or a hub: most of what is to be said of one stands in its own configuration files."""

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from runs import wiring
from runs.catalog.folder import architecture, context_length
from runs.catalog.stores import InVolume
from runs.contract.spec import TaskType
from runs.data.sources import SourceError
from runs.models import BaseModel, Licence, Team, User
from runs.services import verifying
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, Problem


@dataclass(frozen=True)
class Wish:
    """A base model to be added: where it is, and what its own files do not say or say otherwise."""

    name: str
    licence: str
    folder: str = ""  # of this machine, or /Volumes/…
    hub_id: str = ""
    revision: str = ""
    display_name: str = ""
    family: str = ""
    task_types: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


def read(*, wish: Wish, by: User) -> BaseModel:
    """What the model would be, read from its own files and not kept. Raises Invalid when it could not be offered."""
    require(by, "catalog.change")
    if BaseModel.objects.filter(name=wish.name).exists():
        raise Invalid(f"There is a base model “{wish.name}” already.", field="name")
    licence = Licence.objects.filter(key=wish.licence).first()
    if licence is None:
        raise Invalid(f"There is no licence “{wish.licence}”. Add it in the console first.", field="licence")
    short = wish.name.rpartition("/")[2]
    model = BaseModel(
        name=wish.name,
        display_name=wish.display_name or short.replace("-", " "),
        family=wish.family or short.partition("-")[0],
        task_types=list(wish.task_types) or [task.value for task in TaskType],
        roles=list(wish.roles),
        licence=licence,
        folder=wish.folder,
        hub_id=wish.hub_id,
        revision=wish.revision,
    )
    if not wish.folder:
        _read_hub(model, by)
    elif _volume(model) is not None:
        _read_volume(model)
    else:
        _read_folder(model)
    return model


@transaction.atomic
def add(*, wish: Wish, by: User) -> BaseModel:
    """From a folder it is offered at once if it is in order; from elsewhere it is switched off until its weights are here."""
    model = read(wish=wish, by=by)
    teams = list(Team.objects.filter(name__in=wish.teams))
    if missing := set(wish.teams) - {team.name for team in teams}:
        raise Invalid(f"There is no team “{min(missing)}”.", field="teams")
    model.save()
    model.teams.set(teams)
    record("model.add", model, by=by, after={**asdict(wish), "verification": model.verification})
    return model


def _volume(model: BaseModel) -> InVolume | None:
    """The volume from which it would be fetched; raises Invalid when that cannot be reached."""
    try:
        return wiring.model_volume(model)
    except SourceError as error:
        raise Invalid(str(error), field="folder") from error


def _read_volume(model: BaseModel) -> None:
    """Only its configuration is read; the weights are fetched, and verified, when an admin asks for them."""
    there = _volume(model)
    assert there is not None
    try:
        listing, config = there.listing(), there.config()
    except SourceError as error:
        raise Invalid(str(error), field="folder") from error
    shape = architecture(config)
    if shape is None:
        raise Invalid(
            f"“{model.folder}” cannot be added: its config.json gives no shape that the engine knows.", field="folder"
        )
    model.architecture, model.parameters = shape.model_dump(mode="json"), shape.parameters
    model.max_context_length, model.enabled = context_length(config) or verifying.SHORTEST, False
    problem = f"Its weights ({listing.bytes / 1e9:,.2f} GB) are in {there.name}, and not on this machine yet."
    model.verification = {"at": timezone.now().isoformat(), "problems": [problem], "hub": verifying.Health.VOLUME.value}


def _read_folder(model: BaseModel) -> None:
    try:
        folder = wiring.model_folder(model)
    except SourceError as error:
        raise Invalid(str(error), field="folder") from error
    found, _ = verifying.look(folder, model=model)
    if found.problems:
        raise Invalid(problems=[Problem("invalid", problem, "folder") for problem in found.problems])
    model.parameters, model.verification = found.parameters, asdict(found)


def _read_hub(model: BaseModel, by: User) -> None:
    told = verifying.at_hub(name=model.hub_id, revision=model.revision, by=by)
    shape = architecture(told.config) if told.config else None
    if shape is None or told.config is None:
        what = "its config.json gives no shape that the engine knows" if told.config else f"at the hub it is {told.word}"
        raise Invalid(f"“{model.hub_id}” cannot be added: {what}.", field="hub_id")
    model.architecture, model.parameters = shape.model_dump(mode="json"), told.parameters or shape.parameters
    model.max_context_length, model.revision = context_length(told.config) or verifying.SHORTEST, told.sha
    model.enabled = False
    model.verification = {"at": timezone.now().isoformat(), "problems": ["Its weights are not here yet."], "hub": told.word}
