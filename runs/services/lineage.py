"""Weights of earlier runs: the ways to name them, who may go on from them, and the chain that they form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runs import wiring
from runs.models import ModelVersion, Run, User
from runs.services.refused import Invalid, UnknownData

FIELD = "custom_weights_path"
CHECKPOINT = r"ep\d{1,20}-ba\d{1,20}"
TRACKED = re.compile(r"(?:dbfs:)?/databricks/mlflow-tracking/(\d+)/([0-9a-f]+)/artifacts(/.*)?")  # the original service's form
REGISTERED = re.compile(r"(?:models:/)?([^/\s]+\.[^/\s]+\.[^/\s]+)(?:/(\d{1,9}))?")
FILES = ("config.json", "adapter_config.json")  # a model's folder has the first, a LoRA checkpoint's the second
WAYS = (
    "Write <run>, <run>/<checkpoint>, <catalog>.<schema>.<model>/<version>, or "
    "dbfs:/databricks/mlflow-tracking/<experiment>/<run>/artifacts/<run name>/checkpoints/<checkpoint>."
)


@dataclass(frozen=True)
class Weights:
    """Those of a checkpoint, or of the finished model where `checkpoint` is empty."""

    run: Run
    checkpoint: str = ""

    @property
    def folder(self) -> Path:
        folder = wiring.run_folder(self.run.name)
        return folder.checkpoints / self.checkpoint if self.checkpoint else folder.model

    @property
    def label(self) -> str:
        return f"{self.run.name}/{self.checkpoint}" if self.checkpoint else self.run.name

    @property
    def are_here(self) -> bool:
        return any((self.folder / name).is_file() for name in FILES)


def find_weights(*, by: User, reference: str) -> Weights:
    """What `reference` names, if this person may see the run that it is from; raise UnknownData."""
    found = _named(by, reference.strip())
    if found is None:
        raise UnknownData(f"There are no weights at “{reference}”. {WAYS}", field=FIELD)
    if not found.are_here:
        kept = ", ".join(found.run.checkpoints.filter(deleted_at__isnull=True).values_list("name", flat=True))
        left = f" It has kept {kept}." if kept else " It has kept no checkpoint."
        raise UnknownData(f"There are no weights at “{reference}”: they are not on the disk (any more).{left}", field=FIELD)
    return found


def _named(by: User, reference: str) -> Weights | None:
    mine = Run.objects.visible_to(by)
    if tracked := TRACKED.fullmatch(reference):
        run = mine.filter(mlflow_experiment_id=tracked[1], mlflow_run_id=tracked[2]).first()
        checkpoint = re.search(rf"/({CHECKPOINT})(?:/|$)", tracked[3] or "")
        return Weights(run, checkpoint[1] if checkpoint else "") if run else None
    if registered := REGISTERED.fullmatch(reference):
        versions = ModelVersion.objects.visible_to(by).filter(name=registered[1]).select_related("run").order_by("-version")
        version = (versions.filter(version=int(registered[2])) if registered[2] else versions).first()
        return Weights(version.run) if version else None
    name, slash, checkpoint_name = reference.partition("/")
    if slash and not re.fullmatch(CHECKPOINT, checkpoint_name):  # it would lead into the folder of somebody else's run
        return None
    run = mine.filter(name=name).first()
    return Weights(run, checkpoint_name) if run else None


def check_weights(*, by: User, reference: str, model: str) -> Weights:
    """`find_weights`, for a run of this base model; raise Invalid when they are another model's."""
    found = find_weights(by=by, reference=reference)
    if found.run.asked.model != model:
        message = f"{found.run.name} trained {found.run.asked.model}; choose that base model to go on from its weights."
        raise Invalid(message, field=FIELD)
    return found


def starting_point(run: Run) -> Weights | None:
    return Weights(run.starts_from, run.starts_from_checkpoint) if run.starts_from else None


def chain(run: Run) -> Iterator[Weights]:
    """What `run` goes on from, the nearest first, back to the run that began with the base model."""
    while weights := starting_point(run):
        yield weights
        run = weights.run
