"""What goes out about runs: one pydantic model for each thing, made from a row. The OpenAPI document is derived from these."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runs.models import Checkpoint, ModelVersion, Run, RunEvent, Sample


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="null", protected_namespaces=())


class ProgressShape(Shape):
    """Counted progress of the phase: `tokenizing 41,200 of 120,000 rows`."""

    doing: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""


class VersionShape(Shape):
    """A model that a run registered."""

    name: str = Field(description="catalog.schema.model")
    version: int
    uri: str = Field(description="Where MLflow finds it: models:/<name>/<version>")
    run: str = Field(description="Name of the run")
    base_model: str
    created_at: datetime

    @classmethod
    def of(cls, version: ModelVersion) -> "VersionShape":
        return cls(
            name=version.name,
            version=version.version,
            uri=version.uri,
            run=version.run.name,
            base_model=version.run.base_model.name,
            created_at=version.created_at,
        )


class RunShape(Shape):
    """A run: what was asked for and where it stands."""

    name: str
    status: str
    phase: str
    details: str = Field(description="What it is doing, or why it ended, in words")
    fault: str = Field(description="Class of the failure, empty when there is none")
    advice: str
    owner: str
    visibility: str
    model: str
    task_type: str
    dataset: str | None = Field(description="Null while its data are still being checked")
    eval_dataset: str | None
    register_to: str
    request: dict[str, Any] = Field(description="The settings as they were asked for; GET .../spec has all of them, resolved")
    held: str = Field(description="Why it waits and is not started, as when its base model is gone; else empty")
    queue_position: int | None = Field(description="1 for the run that starts next; null when it is not waiting")
    progress: ProgressShape
    step: int
    total_steps: int
    steps_per_epoch: int
    share_done: float = Field(description="0 to 1, by optimizer steps")
    tokens: int
    total_tokens: int
    tokens_per_second: float | None
    last_loss: float | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    estimated_end_at: datetime | None
    experiment_path: str
    mlflow_run_id: str
    mlflow_experiment_id: str = Field(description="Empty until the run has been copied to MLflow")
    registered_model: VersionShape | None

    @classmethod
    def of(cls, run: Run) -> "RunShape":
        simple = {key: getattr(run, key) for key in cls.model_fields if key not in _OTHERWISE}
        version: ModelVersion | None = getattr(run, "version", None)
        return cls(
            **simple,
            owner=run.owner.username,
            model=run.base_model.name,
            dataset=run.dataset.name if run.dataset else None,
            eval_dataset=run.eval_dataset.name if run.eval_dataset else None,
            progress=ProgressShape.model_validate(run.progress),
            registered_model=VersionShape.of(version) if version else None,
        )


_OTHERWISE = {"owner", "model", "dataset", "eval_dataset", "progress", "registered_model"}


class CancelBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=1_000, description="Kept in the audit log")


class EventShape(Shape):
    type: str
    time: datetime
    message: str

    @classmethod
    def of(cls, event: RunEvent) -> "EventShape":
        return cls.model_validate(event)


class PointShape(Shape):
    """The values of one step; NaN and infinities are null."""

    step: int
    epoch: float
    tokens: int
    time: datetime
    values: dict[str, Any] = Field(description="By name: loss, learning_rate, gradient_norm, tokens_per_second, ...")


class SampleShape(Shape):
    """An answer to an evaluation prompt by the weights after `step`; step 0 is the base model."""

    step: int
    index: int
    prompt: str
    answer: str

    @classmethod
    def of(cls, sample: Sample) -> "SampleShape":
        return cls.model_validate(sample)


class CheckpointShape(Shape):
    name: str
    step: int
    epoch: float
    bytes: int
    digest: str
    time: datetime
    deleted_at: datetime | None = Field(description="When it made room for newer ones; null while it is there")

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "CheckpointShape":
        return cls.model_validate(checkpoint)


class RunPage(BaseModel):
    data: list[RunShape]
    next: str | None


class VersionPage(BaseModel):
    data: list[VersionShape]
    next: str | None


class EventList(BaseModel):
    data: list[EventShape]
    next: None


class PointList(BaseModel):
    data: list[PointShape]
    next: None


class SamplePage(BaseModel):
    data: list[SampleShape]
    next: str | None


class CheckpointList(BaseModel):
    data: list[CheckpointShape]
    next: None
