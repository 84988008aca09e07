"""A run as Python sees it, and what it says on its way. Field names are the original service's, where it had the field."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from finetuning_ui.client import connection
from finetuning_ui.client.tables import ObjectList, card

BAR = 10  # characters of a progress bar


class RunStatus(StrEnum):
    """Where a run stands. `display_name` is the word that the original client compares."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    PAUSED = "PAUSED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> RunStatus:
        """In any case; a status of a newer server is UNKNOWN."""
        return cls.__members__.get(str(value).upper(), cls.UNKNOWN)

    @property
    def display_name(self) -> str:
        return self.value.capitalize()

    def is_terminal(self) -> bool:
        return self in (RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.FAILED)


@dataclass(frozen=True)
class TrainingEvent:
    """One entry of a run's timeline; `time` is ISO 8601 text."""

    type: str
    time: str
    message: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> TrainingEvent:
        return cls(str(document["type"]), str(document["time"]), str(document["message"]))


@dataclass
class TrainingRun:
    """A run as it was when it was asked for; `refresh` asks again. Times have a zone."""

    name: str
    status: RunStatus
    created_by: str
    model: str
    train_data_path: str
    register_to: str
    task_type: str
    created_at: datetime
    details: str = ""
    submitted_experiment_path: str = ""
    eval_data_path: str | None = None
    eval_prompts: list[str] | None = None
    custom_weights_path: str | None = None
    training_duration: str | None = None
    learning_rate: float | None = None
    context_length: int | None = None
    started_at: datetime | None = None
    estimated_end_time: datetime | None = None
    completed_at: datetime | None = None
    submitted_config: dict[str, Any] = field(default_factory=dict, repr=False)
    run_id: str = ""
    experiment_id: str = ""
    share_done: float = 0.0
    last_loss: float | None = None
    fault: str = ""
    advice: str = ""
    registered_model: str | None = None

    @classmethod
    def of(cls, shown: dict[str, Any]) -> TrainingRun:
        """From REST's answer. What was not asked for is None: the model's own defaults held."""
        asked = shown["request"]
        names = {one.name for one in fields(cls)}
        known = {key: value for source in (asked, shown) for key, value in source.items() if key in names}
        times = {key: _moment(shown[key]) for key in ("started_at", "completed_at")}
        ours: dict[str, Any] = {
            "status": RunStatus(shown["status"]),
            "created_by": shown["owner"],
            "train_data_path": asked.get("train_data_path") or shown["dataset"],
            "submitted_experiment_path": shown["experiment_path"],
            "submitted_config": asked,
            "created_at": _moment(shown["created_at"]),
            "estimated_end_time": _moment(shown["estimated_end_at"]),
            "run_id": shown["mlflow_run_id"],
            "experiment_id": shown.get("mlflow_experiment_id", ""),
            "registered_model": (shown["registered_model"] or {}).get("uri"),
        }
        return cls(**(known | times | ours))

    def refresh(self) -> TrainingRun:
        """Ask the server how it stands now; returns itself."""
        self.__dict__.update(TrainingRun.of(connection.client().run(self.name)).__dict__)
        return self

    def cancel(self) -> TrainingRun:
        """Raise ApiError when it has ended already."""
        self.__dict__.update(TrainingRun.of(connection.client().cancel(self.name, reason="Canceled by user.")).__dict__)
        return self

    def delete(self) -> None:
        connection.client().delete(self.name)

    def get_events(self) -> ObjectList[TrainingEvent]:
        return ObjectList(map(TrainingEvent.of, connection.client().events(self.name)))

    @property
    def is_active(self) -> bool:
        return not self.status.is_terminal()

    @property
    def experiment_path(self) -> str:
        return self.submitted_experiment_path

    @property
    def events(self) -> ObjectList[TrainingEvent]:
        return self.get_events()

    @property
    def run_progress(self) -> str:
        """`RUNNING ■■■■■□□□□□(50%)`, by optimizer steps; the plain status when it is not in training."""
        if self.status is not RunStatus.RUNNING or not self.share_done:
            return self.status.value
        done = min(BAR, int(self.share_done * BAR))
        return f"{self.status.value} {'■' * done}{'□' * (BAR - done)}({self.share_done:.0%})"

    @property
    def formatted_eta(self) -> str:
        """`45s`, `12min`, `3hr`, `2d`; empty when nobody knows."""
        seconds = (self.estimated_end_time - datetime.now(UTC)).total_seconds() if self.estimated_end_time else 0
        for unit, length in (("d", 86_400), ("hr", 3_600), ("min", 60), ("s", 1)):
            if seconds >= length:
                return f"{seconds / length:.0f}{unit}"
        return ""

    def _repr_html_(self) -> str:
        return card(self, progress=self.run_progress, eta=self.formatted_eta)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
