"""Mend a data set: a remedy makes a new one with a name of its own, and the old one stays as it was."""

import hashlib
import json
from typing import Any

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.measuring import Job, Measure
from runs.data.remedies import Remedy, RemedyKind
from runs.data.vocabulary import fingerprint
from runs.models import BaseModel, DataSet, Measurement, User
from runs.models.measurement import State
from runs.services import measuring
from runs.services.datasets import renderer
from runs.services.keeping import slug
from runs.services.permissions import require
from runs.services.refused import Invalid


def derive(
    *,
    by: User,
    dataset: DataSet,
    remedy: Remedy,
    name: str = "",
    evaluation: DataSet | None = None,
    model: BaseModel | None = None,
) -> Measurement:
    """The new rows, made at once or under way; ready, its result names the data sets. Asking again gives the same ones."""
    require(by, "dataset.derive", dataset)
    job, used = _job(dataset, remedy, evaluation, model)
    key = {**remedy.model_dump(mode="json"), **used, "by": by.pk, "of": dataset.pk, "name": slug(name) if name else ""}
    against = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    _forget_deleted(dataset, against)
    return measuring.ask(
        job, digest=dataset.digest, against=against, rows=dataset.rows, size=dataset.bytes,
        renderer=renderer(model) if job.model and model else None,
        by=by.pk, dataset=dataset.pk, name=slug(name) if name else "", **{"with": used},
    )  # fmt: skip


def _job(dataset: DataSet, remedy: Remedy, evaluation: DataSet | None, model: BaseModel | None) -> tuple[Job, dict[str, Any]]:
    """The job, and what it uses besides the rows, for the record."""
    used: dict[str, Any] = {}
    folder = None
    if remedy.kind is RemedyKind.DROP_LEAKED:
        if evaluation is None:
            raise Invalid("Say which evaluation set the rows must not be in.", field="evaluation")
        if evaluation.task_type != dataset.task_type:
            raise Invalid(f"“{evaluation.name}” holds rows of another task.", field="evaluation")
        used = {"evaluation": evaluation.name, "evaluation_digest": evaluation.digest}
    if remedy.kind is RemedyKind.DROP_LONG:
        if model is None or remedy.context_length is None:
            raise Invalid("Say for which model and context length rows are too long.", field="context_length")
        folder = wiring.model_folder(model)
        renderer(model)  # refuses a model without a tokenizer
        used = {"model": model.name, "tokenizer": fingerprint(folder)}
    if remedy.kind is RemedyKind.SPLIT and dataset.rows < 2:
        raise Invalid("One row cannot be split.", field="kind")
    return Job(
        measure=Measure.REMEDY,
        task=TaskType(dataset.task_type),
        path=wiring.dataset_file(dataset.digest),
        model=folder,
        evaluation=wiring.dataset_file(evaluation.digest) if evaluation and "evaluation" in used else None,
        remedy=remedy,
    ), used


def _forget_deleted(dataset: DataSet, against: str) -> None:
    """What was made before and deleted since is made again; so is what failed."""
    earlier = Measurement.objects.filter(measure=Measure.REMEDY, digest=dataset.digest, against=against).first()
    if earlier is None or earlier.state in (State.WAITING, State.RUNNING):
        return
    names = (earlier.result or {}).get("datasets", [])
    if not names or DataSet.objects.filter(name__in=names).count() < len(names):
        earlier.delete()


def result_of(made: Measurement) -> list[DataSet]:
    """The data sets that a ready one made."""
    names = (made.result or {}).get("datasets", [])
    found = {one.name: one for one in DataSet.objects.filter(name__in=names).select_related("owner")}
    return [found[name] for name in names if name in found]


def under_way(dataset: DataSet) -> list[Measurement]:
    """Remedies of these rows that are being applied."""
    return list(Measurement.objects.unfinished().filter(measure=Measure.REMEDY, digest=dataset.digest, job__dataset=dataset.pk))
