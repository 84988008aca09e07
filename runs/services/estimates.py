"""What a run will need, before it is started."""

import shutil
from dataclasses import dataclass

import psutil
from django.conf import settings
from pydantic import ValidationError

from runs import wiring
from runs.catalog.entries import Architecture
from runs.catalog.estimate import estimate as compute
from runs.contract.request import RunRequest
from runs.models import BaseModel, Run, User
from runs.services import datasets
from runs.services.checks import find_model
from runs.services.refused import Invalid
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
    profile = datasets.profile(dataset=dataset, model=model, context_length=hyperparameters.context_length)
    device = wiring.device_slots()[0].kind
    need = compute(
        _shape(model),
        hyperparameters=hyperparameters,
        device=device,
        rows=profile.rows,
        tokens=profile.tokens,
        trained_tokens=profile.trained_tokens,
        tokens_per_second=_measured_speed(model.name, device),
        longest=profile.longest,
    )
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


def _shape(model: BaseModel) -> Architecture:
    try:
        return Architecture.model_validate(model.architecture)
    except ValidationError:
        raise Invalid(
            f"The catalog does not describe the shape of {model.name}, so nothing can be estimated.", field="model"
        ) from None


def _measured_speed(model: str, device: str) -> float | None:
    """Useful tokens a second that the last finished run of this model reached on this kind of device."""
    return (
        Run.objects.filter(base_model__name=model, device_kind=device, status="COMPLETED", tokens_per_second__gt=0)
        .order_by("-completed_at")
        .values_list("tokens_per_second", flat=True)
        .first()
    )
