"""What runs start from and what they need: base models, estimates, answers of a run to its prompts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class _Document:
    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """The fields that are known here; a newer server may send more."""
        return cls(**{one.name: document[one.name] for one in fields(cls) if one.name in document})


@dataclass(frozen=True)
class BaseModel(_Document):
    """A base model that a new run may start from. `name` is what `create` takes."""

    name: str
    display_name: str
    max_context_length: int  # tokens
    parameters: int
    task_types: list[str]
    available: bool  # its weights are on the server


@dataclass(frozen=True)
class DataSet(_Document):
    """Rows that were checked and kept. `name` is what `train_data_path` takes."""

    name: str
    task_type: str
    rows: int
    bytes: int
    digest: str
    report: dict[str, Any]


@dataclass(frozen=True)
class Report(_Document):
    """Whether a file can be trained on; `report` has what is wrong with which line.

    With a model named, `profile` counts its tokens and `advice` lists what to know before training; if not, `trouble` says why.
    """

    ok: bool
    sentence: str
    report: dict[str, Any]
    profile: dict[str, Any] | None = None
    advice: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""


@dataclass(frozen=True)
class Estimate(_Document):
    """What a run would need on the server; `seconds` is None until one of this model has been measured there."""

    fits: bool
    explanation: str
    memory_bytes: int
    memory_available: int
    disk_bytes: int
    disk_available: int
    tokens: int
    steps: int
    seconds: float | None
    basis: str = "calculated"  # or measured: from real steps on the server
    seconds_low: float | None = None
    seconds_high: float | None = None
    memory_low: int = 0
    memory_high: int = 0


@dataclass(frozen=True)
class Sample(_Document):
    """The answer to a prompt by the weights after `step`; step 0 is the base model."""

    step: int
    index: int
    prompt: str
    answer: str
