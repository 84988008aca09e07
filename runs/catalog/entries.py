"""The shipped catalog, typed: base models and licences as models.toml and licences.toml give them. Knows no database."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from runs.contract.spec import Hyperparameters, TaskType

HERE = Path(__file__).parent


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LicenceEntry(Entry):
    """A licence and what it asks of those who pass a derived model on; sentences are ours, its own text is at `url`."""

    key: str
    name: str
    version_date: date | None = None
    url: str
    policy_url: str = ""
    notice: str
    obligations: tuple[str, ...] = ()
    name_prefix: str = Field(default="", description="Names of derived models must begin with it")
    attribution: str = Field(default="", description="The line that whoever uses or offers a derived model shows")
    notice_file: bool = Field(default=False, description="The line of attribution goes along in a file called Notice")
    user_threshold: int | None = Field(
        default=None, description="Monthly users above which one asks for a licence of one's own"
    )


class Architecture(Entry):
    """A decoder's shape: enough to count its parameters and to estimate memory."""

    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    intermediate: int = Field(gt=0)
    vocab: int = Field(gt=0)
    tied: bool = Field(default=False, description="Output layer shares the embedding's weights")
    head_dim: int | None = Field(default=None, description="hidden / heads when not given")
    experts: int = Field(default=1, description="Feed-forward blocks a layer")
    active_experts: int = Field(default=1, description="Of them, used for each token")
    gated: bool = Field(default=True, description="Feed-forward of three matrices (SwiGLU) instead of two")

    @property
    def per_head(self) -> int:
        return self.head_dim or self.hidden // self.heads

    @property
    def parameters(self) -> int:
        """All of them, counted from the shape; biases, where a model has any, are left out."""
        return self._count(self.experts)

    @property
    def active_parameters(self) -> int:
        """Those that each token meets."""
        return self._count(self.active_experts)

    def _count(self, experts: int) -> int:
        attention = self.hidden * self.per_head * 2 * (self.heads + self.kv_heads)
        feed_forward = (3 if self.gated else 2) * self.hidden * self.intermediate * experts
        router = self.hidden * self.experts if self.experts > 1 else 0
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        return self.layers * (attention + feed_forward + router + 2 * self.hidden) + embeddings + self.hidden


class Retirement(Entry):
    """From `date` on the model is not offered."""

    date: date
    reason: str
    replacement: str = ""


class ModelEntry(Entry):
    """A base model on offer, or one that was."""

    name: str
    family: str
    display_name: str
    parameters: int = Field(gt=0)
    max_context_length: int = Field(gt=0)
    tasks: tuple[TaskType, ...] = tuple(TaskType)
    licence: str
    architecture: Architecture
    defaults: dict[str, JsonValue] = Field(default={}, description="Hyperparameters that differ from the general defaults")
    retirement: Retirement | None = None

    @model_validator(mode="after")
    def _defaults_are_settings(self) -> "ModelEntry":
        Hyperparameters.model_validate(self.defaults)
        return self


@cache
def load_models() -> tuple[ModelEntry, ...]:
    """Every model of models.toml, in its order. A family's table gives what its models share."""
    families = _read("models.toml")
    return tuple(
        ModelEntry.model_validate({**{k: v for k, v in family.items() if k != "models"}, **model})
        for family in families["families"]
        for model in family["models"]
    )


@cache
def load_licences() -> tuple[LicenceEntry, ...]:
    return tuple(LicenceEntry.model_validate({"key": key, **entry}) for key, entry in _read("licences.toml").items())


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))
