"""What a run will need, before it is started: from a probe of the same settings where there is one, else by calculation."""

import shutil
from dataclasses import dataclass
from datetime import datetime

import psutil
from django.conf import settings

from runs import wiring
from runs.catalog.nearest import Changes, nearest
from runs.contract.events import Fault
from runs.contract.request import RunRequest
from runs.models import BaseModel, DataSet, Probing, User
from runs.services import datasets, probing, room
from runs.services.checks import find_model
from runs.services.specification import resolved

EASED = (0.8, 0.9, 0.99)  # of the memory that was calculated for settings that turned out too large; the first that can be had


@dataclass(frozen=True)
class Estimate:
    """Bytes, tokens, steps and seconds that a run will take; `fits` says whether this machine has the memory and the disk.

    `basis` is measured, when real steps of these settings were taken here, or calculated. The ranges say how sure it is.
    """

    memory_bytes: int
    memory_available: int
    disk_bytes: int
    disk_available: int
    tokens: int
    steps: int
    seconds: float | None
    fits: bool
    explanation: str
    basis: str
    seconds_low: float | None
    seconds_high: float | None
    memory_low: int
    memory_high: int
    measured_at: datetime | None
    probe: Probing | None  # also one that is under way, or failed


def remedy(*, asked: RunRequest, by: User) -> Changes:
    """The mildest changes to settings that a probe found too large for the memory; empty where it did not, or nothing helps."""
    found = estimate(asked=asked, by=by)
    if found.probe is None or found.probe.fault != Fault.MEMORY:
        return {}
    model, dataset, evaluation = _named(asked, by)
    compute = room.need(model, dataset, evaluation, prompts=len(asked.eval_prompts))
    chosen = resolved(asked, model)
    needed, disk = compute(chosen).memory_bytes, shutil.disk_usage(settings.DATA_DIR).free
    for share in EASED:
        if easier := nearest(chosen, compute, memory=min(wiring.memory_bytes(), round(share * needed)), disk=disk):
            return easier[0]
    return {}


def estimate(*, asked: RunRequest, by: User) -> Estimate:
    """From the model's shape and the data's token counts; raise Invalid as `checks` would for model and data."""
    model, dataset, evaluation = _named(asked, by)
    chosen = resolved(asked, model)
    device = wiring.device_slots()[0].kind
    known = probing.find(asked=asked, model=model, dataset=dataset, evaluation=evaluation, resolved=chosen)
    found = known.found if known else None
    need = room.need(model, dataset, evaluation, prompts=len(asked.eval_prompts), probe=found)(chosen)
    memory, disk = psutil.virtual_memory().available, shutil.disk_usage(settings.DATA_DIR).free
    low, high = need.seconds_range or (None, None)
    return Estimate(
        memory_bytes=need.memory_bytes,
        memory_available=memory,
        disk_bytes=need.disk_bytes,
        disk_available=disk,
        tokens=need.tokens,
        steps=need.steps,
        seconds=need.seconds,
        fits=(device != "cpu" or need.memory_bytes < memory) and need.disk_bytes < disk,
        explanation=need.formula,
        basis="measured" if found else "calculated",
        seconds_low=low,
        seconds_high=high,
        memory_low=need.memory_range[0],
        memory_high=need.memory_range[1],
        measured_at=known.ended_at if known and found else None,
        probe=known,
    )


def _named(asked: RunRequest, by: User) -> tuple[BaseModel, DataSet, DataSet | None]:
    def rows(field: str, reference: str) -> DataSet:
        return datasets.resolve(by=by, reference=reference, task=asked.task_type, field=field)

    evaluation = rows("eval_data_path", asked.eval_data_path) if asked.eval_data_path else None
    return find_model(asked.model), rows("train_data_path", asked.train_data_path), evaluation
