"""What a run will need, before it is started."""

import shutil
from dataclasses import dataclass

import psutil
from django.conf import settings

from runs import wiring
from runs.contract.request import RunRequest
from runs.models import User
from runs.services import datasets, room
from runs.services.checks import find_model
from runs.services.specification import resolved


@dataclass(frozen=True)
class Estimate:
    """Bytes, tokens, steps and seconds that a run will take; `fits` says whether this machine has the memory and the disk."""

    memory_bytes: int
    memory_available: int
    disk_bytes: int
    disk_available: int
    tokens: int
    steps: int
    seconds: float | None
    fits: bool
    explanation: str


def estimate(*, asked: RunRequest, by: User) -> Estimate:
    """Computed from the model's shape and the data's token counts; raise Invalid as `checks` would for model and data."""
    model = find_model(asked.model)
    dataset = datasets.resolve(by=by, reference=asked.train_data_path, task=asked.task_type, field="train_data_path")
    hyperparameters = resolved(asked, model)
    assert hyperparameters.context_length is not None
    device = wiring.device_slots()[0].kind
    need = room.need(model, dataset)(hyperparameters)
    memory, disk = psutil.virtual_memory().available, shutil.disk_usage(settings.DATA_DIR).free
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
    )
