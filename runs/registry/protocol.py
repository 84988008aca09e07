"""What services ask of a model registry and a record of runs. Plain values in and out; it knows no rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class RegistryUnavailable(Exception):
    """It did not answer, or not in time: try again later."""


class PublishFailed(Exception):
    """The model cannot be registered as it is; the text is for people."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of one series. `timestamp` is in milliseconds since the epoch."""

    key: str
    value: float
    step: int
    timestamp: int


@dataclass(frozen=True)
class Publication:
    """A finished model on its way into the registry."""

    name: str  # catalog.schema.model
    run: str  # our run's name, by which a version is found again
    folder: Path  # the run folder, with model/ in it
    mlflow_run_id: str
    task_type: str
    base_model: str
    licence: str  # name of the licence
    licence_notice: str
    data_name: str
    data_digest: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    name: str
    version: int
    uri: str  # models:/<name>/<version>


class Registry(Protocol):
    def healthy(self) -> str | None:
        """None when it answers; else why not, in words."""

    def start_run(
        self, *, experiment_path: str, run_name: str, params: Mapping[str, str], tags: Mapping[str, str]
    ) -> tuple[str, str]:
        """Make the experiment and the run, or find those made before; return their ids. Raises RegistryUnavailable."""

    def log_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        """Add values, in batches that the server takes. Raises RegistryUnavailable."""

    def set_terminated(self, run_id: str, status: str) -> None:
        """Close a run as FINISHED, FAILED or KILLED. Raises RegistryUnavailable."""

    def publish(self, publication: Publication) -> PublishedVersion:
        """Log and register the model; done twice, it returns the same version. Raises RegistryUnavailable or PublishFailed."""
