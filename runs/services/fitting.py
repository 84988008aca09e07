"""Whether a base model fits into this machine's memory, before any data is known."""

from dataclasses import dataclass

import psutil
from pydantic import ValidationError

from runs import wiring
from runs.catalog.entries import Architecture
from runs.catalog.estimate import estimate
from runs.contract.request import RunRequest
from runs.models import BaseModel
from runs.services.specification import resolved

TIGHT = 0.8  # share of the memory from which on a run may fail for what else the machine does


@dataclass(frozen=True)
class Fit:
    """Bytes that full fine-tuning with the model's default settings needs, and bytes that are there."""

    needed: int
    available: int

    @property
    def word(self) -> str:
        if self.needed > self.available:
            return "does not fit"
        return "tight" if self.needed > TIGHT * self.available else "fits"


def fits(models: list[BaseModel]) -> dict[int, Fit]:
    """Primary key -> fit. Models without a known architecture are left out."""
    slot = wiring.device_slots()[0]
    available = psutil.virtual_memory().available
    return {model.pk: Fit(needed, available) for model in models if (needed := _needed(model, slot.kind))}


def _needed(model: BaseModel, device: str) -> int:
    """Bytes; 0 for a model whose shape nobody has described, or not rightly."""
    try:
        shape = Architecture.model_validate(model.architecture)
    except ValidationError:
        return 0
    defaults = resolved(RunRequest(model=model.name, train_data_path="-", register_to="main.default"), model)
    need = estimate(shape, hyperparameters=defaults, device=device, rows=1, tokens=1, trained_tokens=1, tokens_per_second=None)
    return need.memory_bytes
