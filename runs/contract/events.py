"""One line of `events.jsonl`: what the engine says while it works.

Lines are JSON objects with `kind` naming the model below. A reader skips a last line that has no newline yet: the writer
appends each line with one write. After an interruption the engine may say a step again; readers replace by (kind, step).
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

Text = Annotated[
    str, AfterValidator(lambda text: text.replace("\x00", "\ufffd"))
]  # PostgreSQL keeps no NUL; a model may say one


class EventType(StrEnum):
    """Names of the run's timeline, as the original service used them."""

    CREATED = "CREATED"
    CHECK_PASSED = "CHECK_PASSED"
    CHECK_FAILED = "CHECK_FAILED"
    STARTED = "STARTED"
    DATA_VALIDATED = "DATA_VALIDATED"
    MODEL_INITIALIZED = "MODEL_INITIALIZED"
    TRAIN_STARTED = "TRAIN_STARTED"
    TRAIN_UPDATED = "TRAIN_UPDATED"
    TRAIN_FINISHED = "TRAIN_FINISHED"
    CHECKPOINT_SAVED = "CHECKPOINT_SAVED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    REQUEUED = "REQUEUED"
    PAUSED = "PAUSED"
    ADVICE = "ADVICE"  # ours: something happened that its owner should know, with what to do


class Phase(StrEnum):
    """Where a run is, in the order in which it gets there."""

    CREATED = "created"
    DATA = "data"
    MODEL = "model"
    TRAINING = "training"
    EVALUATION = "evaluation"
    REGISTERING = "registering"


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")
    time: datetime


class Milestone(_Line):
    """An entry of the timeline: DATA_VALIDATED, MODEL_INITIALIZED, TRAIN_STARTED, TRAIN_FINISHED, ..."""

    kind: Literal["milestone"] = "milestone"
    type: EventType
    message: Text


class Progress(_Line):
    """Counted progress within a phase: `tokenizing 41,200 of 120,000 rows`."""

    kind: Literal["progress"] = "progress"
    phase: Phase
    doing: Text
    done: int
    total: int
    unit: Text


class Plan(_Line):
    """What the run will be, known once the data is tokenized; before the first step."""

    kind: Literal["plan"] = "plan"
    total_steps: int
    steps_per_epoch: int
    total_tokens: int
    rows: int
    truncated_rows: int = 0
    dropped_rows: int = 0
    trainable_parameters: int = 0


class Step(_Line):
    """One optimizer step. `loss` is the mean over the step's trained tokens, in nats."""

    kind: Literal["step"] = "step"
    step: int
    epoch: float
    tokens: int = Field(description="useful (non-padding) tokens seen so far, in all")
    rows: int | None = Field(default=None, description="rows (of texts: blocks) seen so far, in all")
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float = Field(description="useful tokens a second over the last steps")
    token_accuracy: float | None = Field(default=None, description="share of trained tokens that the model found most likely")
    padding_share: float = 0.0
    batches_per_second: float = 0.0
    rows_per_second: float = 0.0
    memory_bytes: int = 0
    device_use: float | None = Field(default=None, description="share of the device that was busy, 0 to 1")
    mfu: float | None = Field(default=None, description="model FLOPs utilization: share of the device's arithmetic")
    data_wait_share: float = Field(default=0.0, description="share of the step that waited for its rows")
    seconds_left: float | None = None


class Evaluation(_Line):
    """Scores of the evaluation rows by the weights after `step` (0 is the base model)."""

    kind: Literal["evaluation"] = "evaluation"
    step: int
    epoch: float
    tokens: int
    loss: float
    perplexity: float
    token_accuracy: float


class Sample(_Line):
    """An answer to an evaluation prompt by the weights after `step` (0 is the base model)."""

    kind: Literal["sample"] = "sample"
    step: int
    index: int
    prompt: Text
    answer: Text


class Checkpoint(_Line):
    """A checkpoint that is complete on disk. `name` is its folder below checkpoints/, as in ep1-ba30."""

    kind: Literal["checkpoint"] = "checkpoint"
    name: str
    step: int
    epoch: float
    bytes: int
    digest: str


class CheckpointDeleted(_Line):
    """A checkpoint that made room for newer ones."""

    kind: Literal["checkpoint_deleted"] = "checkpoint_deleted"
    name: str


class Remark(StrEnum):
    """What a notice is about."""

    SPIKE = "spike"
    PLATEAU = "plateau"
    OVERFITTING = "overfitting"


class Notice(_Line):
    """Something about the course of training that its owner should know, and what to do about it."""

    kind: Literal["notice"] = "notice"
    step: int
    remark: Remark
    message: Text
    advice: Text


class Resumed(_Line):
    """The engine goes on from `step`; what it said of later steps is about to be said again."""

    kind: Literal["resumed"] = "resumed"
    step: int


Line = Annotated[
    Milestone | Progress | Plan | Step | Evaluation | Sample | Checkpoint | CheckpointDeleted | Resumed | Notice,
    Field(discriminator="kind"),
]
_LINE: TypeAdapter[Line] = TypeAdapter(Line)


def parse_line(raw: bytes) -> Line:
    """Read one line of events.jsonl; raise pydantic.ValidationError on anything else."""
    return _LINE.validate_json(raw)


class Outcome(StrEnum):
    """How an engine process ended."""

    COMPLETED = "completed"  # the whole duration, model/ is written
    STOPPED = "stopped"  # a person asked; the last checkpoint is usable
    INTERRUPTED = "interrupted"  # SIGTERM, or a person's wish to pause: to be resumed
    FAILED = "failed"


class Fault(StrEnum):
    """Why a run failed, as a class that advice hangs on."""

    DATA = "data"
    MODEL = "model"
    MEMORY = "memory"
    DISK = "disk"
    DIVERGED = "diverged"
    ENGINE = "engine"


class Exit(BaseModel):
    """`exit.json`, written last. For FAILED, `message` says what was wrong and `advice` what to do, in words for the user."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    outcome: Outcome
    time: datetime
    step: int = 0
    fault: Fault | None = None
    message: Text = ""
    advice: Text = ""
