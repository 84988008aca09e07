"""The run specification: every setting of a run, declared once.

Form fields, REST schema, SDK signature, help text and manual are derived from these models, so a setting is added here and
nowhere else. `RunSpec` is what the web writes into `<run>/spec.json` and the engine trains from: everything in it is resolved,
nothing is looked up later.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, ValidationInfo, field_validator, model_validator

from runs.contract.duration import Duration
from runs.contract.inputs import DataFile, Device, ModelSource, Strict
from runs.contract.provenance import Provenance

DEFAULT_CONTEXT_LENGTH = 8_192  # tokens; used when nobody asks for another and the model allows it


class TaskType(StrEnum):
    """What the rows look like, and so which tokens are trained on."""

    CHAT_COMPLETION = "CHAT_COMPLETION"
    INSTRUCTION_FINETUNE = "INSTRUCTION_FINETUNE"
    CONTINUED_PRETRAIN = "CONTINUED_PRETRAIN"


def _duration(text: str) -> str:
    return str(Duration.parse(text))


USUAL = "^[1-9][0-9]{0,2}(_?[0-9]{3}){0,2}(e[0-3])?(ep|ba|tok)$"  # for schemas; Duration reads a little more
DurationText = Annotated[str, AfterValidator(_duration), Field(json_schema_extra={"pattern": USUAL})]

ALL_LINEAR, ATTENTION = "all-linear", "attention"  # words for layers that every architecture names in its own way
NEVER_ADAPTED = {"lm_head", "embed_tokens"}


def _layers(text: str) -> str:
    """`q_proj,v_proj` as `q_proj, v_proj`; raise ValueError with a sentence for the user."""
    names = [name for name in re.split(r"[,\s]+", text) if name]
    wrong = [name for name in names if not re.fullmatch(r"[A-Za-z_][\w-]*", name) or name in NEVER_ADAPTED]
    if not names or wrong or (len(names) > 1 and {ALL_LINEAR, ATTENTION} & set(names)):
        raise ValueError(
            f"“{text[:80]}” does not name layers. Write {ALL_LINEAR}, {ATTENTION}, or names of layers as in q_proj, v_proj."
        )
    return ", ".join(names)


NAMED = r"^[\s,]*[A-Za-z_][A-Za-z0-9_\-]*([\s,]+[A-Za-z_][A-Za-z0-9_\-]*)*[\s,]*$"  # for schemas
LayersText = Annotated[str, AfterValidator(_layers), Field(json_schema_extra={"pattern": NAMED})]


def _advanced(**schema: JsonValue) -> dict[str, JsonValue]:
    """Mark a setting that the form folds away."""
    return {"advanced": True, **schema}


def _adapters(**schema: JsonValue) -> dict[str, JsonValue]:
    """Mark a setting that means something for some methods only."""
    return _advanced(applies={"method": ["lora", "qlora"]}, **schema)


class Hyperparameters(Strict):
    """What a person may set about training. None means: the default of the chosen model and task."""

    training_duration: DurationText = Field(
        default="1ep",
        title="Training duration",
        description="How long to train: epochs (3ep), batches (200ba) or tokens (10_000tok). Start with 1 to 4 epochs.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        title="Learning rate",
        description="Peak step size. Raise it if the loss falls slowly, lower it if the loss jumps.",
    )
    context_length: int | None = Field(
        default=None,
        ge=16,
        title="Context length",
        json_schema_extra={"unit": "tokens"},
        description="Rows longer than this are truncated. At most the model's own maximum.",
    )
    batch_size: int = Field(
        default=8,
        ge=1,
        le=65_536,
        title="Batch size",
        json_schema_extra=_advanced(unit="rows"),
        description="Rows per optimizer step. Rows are packed without padding, so memory depends on the context length.",
    )
    method: Literal["full", "lora", "qlora"] = Field(
        default="full",
        title="Method",
        description="Full trains every parameter. LoRA trains small matrices beside them, in a fraction of the memory; "
        "QLoRA does so over weights kept in 4 bits.",
    )
    lora_rank: int = Field(
        default=16,
        ge=1,
        le=1_024,
        title="LoRA rank",
        json_schema_extra=_adapters(),
        description="Width of the trained matrices. More learns more and needs more memory.",
    )
    lora_alpha: float = Field(
        default=32,
        gt=0,
        le=10_000,
        title="LoRA alpha",
        json_schema_extra=_adapters(),
        description="What was learned counts alpha / rank times. Twice the rank is usual.",
    )
    lora_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        title="LoRA dropout",
        json_schema_extra=_adapters(unit="share of the inputs"),
        description="Inputs of the trained matrices that are left out by chance, against learning few rows by heart.",
    )
    lora_targets: LayersText = Field(
        default=ALL_LINEAR,
        max_length=500,
        title="LoRA layers",
        json_schema_extra=_adapters(),
        description="all-linear, attention, or names of layers as in q_proj, v_proj. All of them learn best.",
    )
    optimizer: Literal["adamw", "lion"] = Field(
        default="adamw",
        title="Optimizer",
        json_schema_extra=_advanced(),
        description="AdamW, or Lion with the original service's betas. Lion wants a third to a tenth of AdamW's learning rate.",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear",
        title="Learning rate schedule",
        json_schema_extra=_advanced(),
        description="After the warm-up the learning rate falls to zero, straight or along a cosine, or stays at its peak.",
    )
    warmup_share: float = Field(
        default=0.02,
        ge=0,
        le=0.5,
        title="Warm-up",
        json_schema_extra=_advanced(unit="share of the run"),
        description="Part of the run in which the learning rate climbs to its peak.",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Weight decay",
        json_schema_extra=_advanced(),
        description="Pulls weights towards zero; decoupled from the gradient.",
    )
    gradient_clip: float = Field(
        default=1.0,
        gt=0,
        le=1_000,
        title="Gradient clipping",
        json_schema_extra=_advanced(unit="norm"),
        description="A batch's gradient is scaled down to this norm when it is larger.",
    )
    seed: int = Field(
        default=17,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        json_schema_extra=_advanced(),
        description="Order of the rows and all other chance. The same seed gives the same run.",
    )
    eval_interval: DurationText = Field(
        default="1ep",
        title="Evaluation interval",
        json_schema_extra=_advanced(),
        description="How often the evaluation rows are scored, the prompts answered and a checkpoint kept.",
    )
    early_stopping_patience: int = Field(
        default=0,
        ge=0,
        le=1_000,
        title="Early stopping",
        json_schema_extra=_advanced(unit="evaluations"),
        description="End the run when the evaluation loss has not fallen for so many evaluations. 0: train to the end.",
    )
    keep_checkpoints: int = Field(
        default=2,
        ge=1,
        le=100,
        title="Checkpoints kept",
        json_schema_extra=_advanced(),
        description="Other checkpoints are deleted as new ones are written.",
    )
    keep_policy: Literal["last", "best"] = Field(
        default="last",
        title="Which checkpoints",
        json_schema_extra=_advanced(),
        description="Keep the last ones and register the weights of the end, or keep those with the lowest evaluation loss "
        "and register the best.",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto",
        title="Precision",
        json_schema_extra=_advanced(),
        description="Auto is bf16 on a GPU that has it, else fp32. A CPU with AVX512-BF16 is 1.5 times as fast in bf16.",
    )
    gradient_checkpointing: bool = Field(
        default=False,
        title="Gradient checkpointing",
        json_schema_extra=_advanced(),
        description="Saves memory by computing activations twice; about a third slower.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and info.field_name != "gradient_checkpointing":
            raise ValueError("This is true or false, which makes no sense here.")
        return value

    def most_checkpoints(self, times: int) -> int:
        """On the disk together where `times` are made: those kept, one to go on from, and one that is being written."""
        return min(self.keep_checkpoints + 1, times) + 1


def applies(setting: str, values: Mapping[str, object]) -> bool:
    """Whether a hyperparameter means anything beside these values of the others; what is not in them has its default."""
    fields = Hyperparameters.model_fields
    extra = fields[setting].json_schema_extra if setting in fields else None
    conditions = extra.get("applies") if isinstance(extra, dict) else None
    if not isinstance(conditions, dict):
        return True
    return all(
        isinstance(wanted, list) and values.get(other, fields[other].default) in wanted for other, wanted in conditions.items()
    )


class RunSpec(Strict):
    """Everything the engine needs, resolved: no setting is None, every path is absolute."""

    version: Literal[1] = 1
    name: str
    task_type: TaskType
    base_model: ModelSource
    train: DataFile
    evaluation: DataFile | None = None
    eval_prompts: tuple[str, ...] = ()
    hyperparameters: Hyperparameters
    custom_weights_path: Path | None = Field(default=None, description="Start from these weights instead of the base model's")
    lineage: tuple[str, ...] = Field(default=(), description="Runs that it goes on from, nearest first: run or run/checkpoint")
    device: Device = Device()
    recovery_minutes: float = Field(default=10, gt=0, description="Wall minutes between checkpoints kept only for resuming")
    provenance: Provenance | None = Field(default=None, description="Noted at the first start, compared at later ones")

    @property
    def context_length(self) -> int:
        """In tokens."""
        return self.hyperparameters.context_length or self.base_model.max_context_length

    @model_validator(mode="after")
    def _is_settled(self) -> "RunSpec":
        asked, most = self.hyperparameters, self.base_model.max_context_length
        if asked.learning_rate is None or asked.context_length is None:
            raise ValueError("learning_rate and context_length must be numbers here: defaults are filled in before")
        if asked.context_length > most:
            raise ValueError(
                f"a context of {asked.context_length:,} tokens is more than {self.base_model.name} reads, which is {most:,}"
            )
        return self
