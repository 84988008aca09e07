"""Whether a base model fits into this machine's memory, before any data is known."""

from dataclasses import dataclass

import psutil
from pydantic import ValidationError

from runs import wiring
from runs.catalog.entries import Architecture
from runs.catalog.estimate import estimate
from runs.catalog.work import Work
from runs.contract.request import RunRequest
from runs.models import BaseModel
from runs.services.specification import resolved

TIGHT = 0.8  # share of the memory from which on a run may fail for what else the machine does


@dataclass(frozen=True)
class Fit:
    """Bytes that training with the model's default settings needs, and bytes that are there: None on a GPU."""

    needed: int
    available: int | None

    @property
    def word(self) -> str:
        if self.available is None:
            return "needs"
        if self.needed > self.available:
            return "does not fit"
        return "tight" if self.needed > TIGHT * self.available else "fits"


def fits(models: list[BaseModel]) -> dict[int, Fit]:
    """Primary key -> fit. Models without a known shape are left out."""
    device = wiring.device_slots()[0].kind
    available = psutil.virtual_memory().available if device == "cpu" else None
    return {model.pk: Fit(needed, available) for model in models if (needed := _needed(model, device))}


def _needed(model: BaseModel, device: str) -> int:
    """Bytes when every step is full; 0 for a model whose shape nobody has described, or not rightly."""
    try:
        shape = Architecture.model_validate(model.architecture)
    except ValidationError:
        return 0
    settings = resolved(RunRequest(model=model.name, train_data_path="-", register_to="main.default"), model)
    rows = settings.batch_size
    tokens = rows * (settings.context_length or model.max_context_length)
    work = Work(rows=rows, tokens=tokens, trained=tokens, blocks=rows)
    return estimate(shape, hyperparameters=settings, device=device, work=work).memory_bytes
