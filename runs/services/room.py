"""What a run needs of this machine, whether the machine can ever have it, and what would fit instead."""

import shutil
from collections.abc import Callable

from django.conf import settings
from django.db.models import Q
from pydantic import ValidationError

from runs import wiring
from runs.catalog.costs import FLOAT
from runs.catalog.entries import Architecture
from runs.catalog.estimate import Estimate, estimate
from runs.catalog.nearest import Changes, nearest
from runs.catalog.work import Work
from runs.contract.probe import Probe
from runs.contract.spec import Hyperparameters, TaskType
from runs.models import BaseModel, DataSet, Run
from runs.services import profiling
from runs.services.refused import DoesNotFit, Invalid, Refused

DEFAULT_METHOD = Hyperparameters.model_fields["method"].default
Need = Callable[[Hyperparameters], Estimate]


def need(
    model: BaseModel, dataset: DataSet, evaluation: DataSet | None = None, *, prompts: int = 0, probe: Probe | None = None
) -> Need:
    """From settings to what a run with them needs. Raises Invalid where the model's shape or the data cannot be read.

    `probe` is of the settings that it will be asked for.
    """
    shape, device = _shape(model), wiring.device_slots()[0].kind

    def compute(hyperparameters: Hyperparameters) -> Estimate:
        return estimate(
            shape,
            hyperparameters=hyperparameters,
            device=device,
            work=_work(model, dataset, evaluation, hyperparameters, prompts),
            tokens_per_second=_measured_speed(model, hyperparameters, device),
            probe=probe,
            flops=wiring.flops_per_core(),
            cores=wiring.cores(),
        )

    return compute


def _work(model: BaseModel, dataset: DataSet, evaluation: DataSet | None, asked: Hyperparameters, prompts: int) -> Work:
    assert asked.context_length is not None
    length, rows = asked.context_length, asked.batch_size
    found = profiling.profile(dataset=dataset, model=model, context_length=length, batch_size=rows)
    held_out = profiling.profile(dataset=evaluation, model=model, context_length=length) if evaluation else None
    return Work.of(found, TaskType(dataset.task_type), held_out=held_out, prompts=prompts)


def refuse_what_never_fits(model: BaseModel, dataset: DataSet, asked: Hyperparameters) -> int:
    """Raise DoesNotFit with the nearest settings that fit. What is merely busy now is no reason: runs wait for each other.

    Returns the bytes that will be kept of the run, its copy in the registry included; 0 where nothing can be said of it.
    """
    try:
        compute = need(model, dataset)
        wanted = compute(asked)
    except Refused:
        return 0
    memory, disk = wiring.memory_bytes(), shutil.disk_usage(settings.DATA_DIR).free
    if wanted.memory_bytes <= memory and wanted.disk_bytes <= disk:
        return wanted.disk_bytes + FLOAT * _shape(model).parameters
    lacking = _lacking("memory", wanted.memory_bytes, memory) or _lacking("free disk", wanted.disk_bytes, disk)
    found = nearest(asked, compute, memory=memory, disk=disk)
    if found is None:
        raise DoesNotFit(f"{lacking} No setting makes it fit: choose a smaller model.", field="model")
    changes, then = found
    room = f"{_size(then.memory_bytes)} of memory, {_size(then.disk_bytes)} of disk"
    raise DoesNotFit(f"{lacking} It would fit with {_in_words(changes)}: {room}.", facts={"suggestion": changes})


def _lacking(what: str, needed: int, there: int) -> str:
    return f"This run needs about {_size(needed)} of {what}, and this machine has {_size(there)}." if needed > there else ""


def _in_words(changes: Changes) -> str:
    """`gradient checkpointing and context length 2,048`"""
    return " and ".join(f"{_title(name)}{_value(value)}" for name, value in changes.items())


def _title(name: str) -> str:
    return str(Hyperparameters.model_fields[name].title).lower()


def _value(value: object) -> str:
    if value is True:
        return ""
    return f" {value:,}" if isinstance(value, int) else f" {value}"


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _shape(model: BaseModel) -> Architecture:
    try:
        return Architecture.model_validate(model.architecture)
    except ValidationError:
        raise Invalid(
            f"The catalog does not describe the shape of {model.name}, so nothing can be estimated.", field="model"
        ) from None


def _measured_speed(model: BaseModel, asked: Hyperparameters, device: str) -> float | None:
    """Useful tokens a second that the last finished run of this model in this way reached on this kind of device."""
    method = Q(request__method=asked.method) | (Q(request__method=None) if asked.method == DEFAULT_METHOD else Q())
    return (
        Run.objects.filter(method, base_model=model, device_kind=device, status="COMPLETED", tokens_per_second__gt=0)
        .order_by("-completed_at")
        .values_list("tokens_per_second", flat=True)
        .first()
    )
