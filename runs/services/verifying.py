"""Whether a base model can be offered: its files, its architecture, its template and its size, looked at and remembered."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from runs import wiring
from runs.catalog.folder import FolderFacts, inspect
from runs.catalog.hub import AtHub, ask
from runs.catalog.stores import InVolume
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.data.sources import SourceError
from runs.data.template import TemplateError
from runs.models import BaseModel, User
from runs.services import secrets
from runs.services.audit import record
from runs.services.fitting import fits
from runs.services.permissions import require
from runs.services.secrets import opened

SHORTEST = 2_048  # tokens of context of a model that does not say how many it reads
ASKED = ({"role": "user", "content": "Are you there?"}, {"role": "assistant", "content": "Yes."})


class Health(StrEnum):
    """What stands in the column: beyond `here` nothing can be trained."""

    HERE = "here"
    FAULTY = "faulty"
    UNVERIFIED = "not verified"
    REACHABLE = "at the hub"
    VOLUME = "in a volume"
    GATED = "gated"
    UNREACHABLE = "not reachable"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """The last look at a model. `problems` are sentences; with none of them it can be offered."""

    at: str
    problems: list[str]
    parameters: int
    bytes: int
    chat_template: bool
    memory_bytes: int | None  # that training with its default settings needs
    hub: str = ""  # what the hub said, where the weights are not here
    sha: str = ""


def look(folder: Path, *, model: BaseModel, at: datetime | None = None) -> tuple[Finding, FolderFacts]:
    """Look at a folder as the home of `model`; runs none of its code."""
    facts = inspect(folder)
    problems = list(facts.problems)
    model.max_context_length = model.max_context_length or facts.max_context_length or SHORTEST
    if facts.max_context_length and model.max_context_length > facts.max_context_length:
        problems.append(
            f"config.json says {facts.max_context_length:,} tokens at most; the catalog offers {model.max_context_length:,}."
        )
    if not problems and TaskType.CHAT_COMPLETION in model.task_types:
        problems += _template(folder, facts)
    if facts.architecture and not model.architecture:
        model.architecture = facts.architecture.model_dump(mode="json")
    fit = fits([model]).get(model.pk)
    when = (at or timezone.now()).isoformat()
    found = Finding(when, problems, facts.parameters, facts.bytes, facts.chat_template, fit.needed if fit else None)
    return found, facts


def _template(folder: Path, facts: FolderFacts) -> list[str]:
    if not facts.chat_template:
        return ["It has no chat template, so that chat completion cannot be offered. Take that task off, or add a template."]
    try:
        rendered = Renderer.load(folder).encode({"messages": list(ASKED)}, TaskType.CHAT_COMPLETION)
    except TemplateError as error:
        return [f"Its chat template does not render: {error}"]
    return [] if any(rendered.trained) else ["Its chat template renders, but marks nothing of the answer to be trained on."]


@transaction.atomic
def verify(*, model: BaseModel, by: User) -> Finding:
    """Look at the model's folder and keep what was found."""
    require(by, "catalog.change")
    folder = wiring.model_folder(model)
    found = look(folder, model=model)[0] if (folder / "config.json").is_file() else _absent(model, by)
    before = model.verification.get("problems")
    model.verification = asdict(found)
    model.save(update_fields=["verification"])
    record("model.verify", model, by=by, before={"problems": before}, after={"problems": found.problems})
    return found


def _absent(model: BaseModel, by: User) -> Finding:
    """Nothing is here: whether hub or volume has it, and whether we may have it."""
    if there := wiring.model_volume(model):
        return _in_volume(model, there)
    told = at_hub(name=model.hub_id or model.name, revision=model.revision, by=by)
    problem = f"Its weights are not on this machine, and at the hub it is {told.word}."
    return Finding(timezone.now().isoformat(), [problem], told.parameters, 0, False, None, hub=told.word, sha=told.sha)


def _in_volume(model: BaseModel, there: InVolume) -> Finding:
    told, problem = Health.VOLUME.value, f"Its weights are in {there.name}, and not on this machine yet."
    try:
        there.listing()
    except SourceError as error:
        told, problem = Health.UNREACHABLE.value, str(error)
    return Finding(timezone.now().isoformat(), [problem], model.parameters, 0, False, None, hub=told)


def at_hub(*, name: str, revision: str, by: User) -> AtHub:
    token = opened(secrets.Name.HUB_TOKEN, by=by)
    return ask(endpoint=wiring.hub_endpoint(), token=token, name=name, revision=revision)


def health(model: BaseModel) -> Health:
    """Cheap enough for a list: what is on the disk now, and what the last look found."""
    if (wiring.model_folder(model) / "config.json").is_file():
        if not model.verification:
            return Health.UNVERIFIED
        return Health.FAULTY if model.verification["problems"] else Health.HERE
    words = {
        "reachable": Health.REACHABLE,
        "gated": Health.GATED,
        "not reachable": Health.UNREACHABLE,
        "in a volume": Health.VOLUME,
    }
    return words.get(model.verification.get("hub", ""), Health.MISSING)
