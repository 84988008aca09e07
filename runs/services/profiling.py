"""What there is to know about a data set with a base model: tokens, contents, overlap with an evaluation set, findings, advice.

Everything is computed once for the rows' digest and what they were measured with, and kept. What is not there yet is under way.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel as Document

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.advice import Advice, advice
from runs.data.contents import Contents
from runs.data.findings import Finding, findings
from runs.data.measuring import Job, Measure
from runs.data.overlap import Overlap
from runs.data.preview import Settings
from runs.data.profile import Profile, Tokens
from runs.data.rendering import Renderer
from runs.data.vocabulary import fingerprint
from runs.models import BaseModel, DataSet, Measurement
from runs.services import measuring
from runs.services.datasets import renderer
from runs.services.refused import Invalid, Refused, StillCounting

Shape = TypeVar("Shape", bound=Document)

MOST_BATCHES = 8  # first batches of the same rows under way: each takes reading all of them
VERSION = 3  # of what is measured: raised when the same rows would give another result


@dataclass(frozen=True)
class Assessment:
    """`pending` are measurements under way; `trouble` says why there are no tokens."""

    dataset: DataSet
    context_length: int
    contents: Contents | None = None
    profile: Profile | None = None
    overlap: Overlap | None = None
    evaluation: DataSet | None = None
    findings: list[Finding] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)
    pending: list[Measurement] = field(default_factory=list)
    trouble: str = ""

    @property
    def is_ready(self) -> bool:
        return not self.pending


def assess(
    *, dataset: DataSet, model: BaseModel | None, context_length: int, evaluation: DataSet | None = None, batch_size: int = 8
) -> Assessment:
    """All of it, as far as it is known now. Never refuses: what stands in the way is in `trouble`."""
    known, trouble = [_contents(dataset)], ""
    if evaluation is not None:
        known.append(_overlap(dataset, evaluation))
    if model is not None:
        try:
            known.append(tokens(dataset, model))
        except Refused as refused:
            trouble = refused.message
    found = {Measure(one.measure): one for one in known}
    refusals = [one.reason for one in known if one.is_refused]
    profile = _profile(found.get(Measure.TOKENS), model, context_length, batch_size)
    contents = _read(Contents, found.get(Measure.CONTENTS))
    overlap = _read(Overlap, found.get(Measure.OVERLAP))
    return Assessment(
        dataset=dataset,
        context_length=context_length,
        contents=contents,
        profile=profile,
        overlap=overlap,
        evaluation=evaluation,
        findings=findings(contents, profile, overlap) if contents else [],
        advice=advice(profile, TaskType(dataset.task_type), model.max_context_length) if profile and model else [],
        pending=[one for one in known if not one.is_ready and not one.is_refused],
        trouble=trouble or " ".join(refusals),
    )


def profile(*, dataset: DataSet, model: BaseModel, context_length: int, batch_size: int = 8) -> Profile:
    """Token counts at this context length. Raises StillCounting while they are being made, Invalid when they cannot be."""
    counted = tokens(dataset, model)
    if counted.is_refused:
        raise Invalid(f"“{dataset.name}” does not go with {model.display_name}: {counted.reason}", field="train_data_path")
    found = _profile(counted, model, context_length, batch_size)
    if found is None:
        raise StillCounting(
            f"The tokens of “{dataset.name}” are being counted: {counted.done:,} of {counted.total:,} rows. Ask again soon.",
            field="train_data_path",
        )
    return found


def tokens(dataset: DataSet, model: BaseModel) -> Measurement:
    reader, folder = renderer(model), wiring.model_folder(model)
    job = Job(measure=Measure.TOKENS, task=TaskType(dataset.task_type), path=wiring.dataset_file(dataset.digest), model=folder)
    return _ask(job, dataset, f"{fingerprint(folder)} v{VERSION}", reader)


def first_batch(*, dataset: DataSet, model: BaseModel, settings: Settings) -> Measurement:
    """The rows of a run's first step with these settings. Raises StillCounting while many others are being made."""
    reader, folder = renderer(model), wiring.model_folder(model)
    job = Job(
        measure=Measure.BATCH,
        task=TaskType(dataset.task_type),
        path=wiring.dataset_file(dataset.digest),
        model=folder,
        settings=settings,
    )
    key = " ".join(map(str, settings.model_dump().values()))
    against = f"{fingerprint(folder)} {key} v{VERSION}"
    waiting = Measurement.objects.unfinished().filter(measure=Measure.BATCH, digest=dataset.digest).exclude(against=against)
    if waiting.count() >= MOST_BATCHES:
        raise StillCounting(f"{MOST_BATCHES} first batches of “{dataset.name}” are being made. Ask again when they are there.")
    return _ask(job, dataset, against, reader)


def _contents(dataset: DataSet) -> Measurement:
    job = Job(measure=Measure.CONTENTS, task=TaskType(dataset.task_type), path=wiring.dataset_file(dataset.digest))
    return _ask(job, dataset, f"v{VERSION}")


def _overlap(dataset: DataSet, evaluation: DataSet) -> Measurement:
    job = Job(
        measure=Measure.OVERLAP,
        task=TaskType(dataset.task_type),
        path=wiring.dataset_file(dataset.digest),
        evaluation=wiring.dataset_file(evaluation.digest),
    )
    return _ask(job, dataset, f"{evaluation.digest} v{VERSION}", size=dataset.bytes + evaluation.bytes)


def _ask(job: Job, dataset: DataSet, against: str, reader: Renderer | None = None, size: int = 0) -> Measurement:
    return measuring.ask(
        job, digest=dataset.digest, against=against, rows=dataset.rows, size=size or dataset.bytes, renderer=reader
    )


def _profile(counted: Measurement | None, model: BaseModel | None, context_length: int, batch_size: int) -> Profile | None:
    found = _read(Tokens, counted)
    if found is None or model is None:
        return None
    device = wiring.device_slots()[0].kind
    return found.at(context_length, model_max=model.max_context_length, batch_size=batch_size, device=device)


def _read(shape: type[Shape], measured: Measurement | None) -> Shape | None:
    return shape.model_validate(measured.result) if measured and measured.is_ready else None
