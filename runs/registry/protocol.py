"""What the product asks of a model registry and record of runs. Plain values in, plain values out; no database, no mlflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

RUN_TAG = "finetuning.run"  # on runs, logged models and versions: how each is found again before another is made

Ending = Literal["FINISHED", "FAILED", "KILLED"]


class RegistryUnavailable(Exception):
    """MLflow does not answer, or cannot do its work now. Trying again later may help; the text is for people."""


class RegistryRefused(Exception):
    """MLflow answers and says no: trying the same again will not help. The text is for people."""


class PublishFailed(Exception):
    """The model could not be registered, for a reason that is not MLflow's absence; the text is for the run's owner."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """A value of one MLflow metric. `timestamp_ms` is milliseconds since the epoch."""

    key: str
    value: float
    step: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A data set that a run reads. `digest` is sha256:<hex> of the canonical rows."""

    name: str
    digest: str
    rows: int
    used_for: Literal["training", "evaluation"]
    source: str = ""
    source_version: str = ""
    mapping: str = ""


class LicenceNotice(BaseModel):
    """What a licence asks of those who pass a derived model on; travels with the registered model."""

    model_config = ConfigDict(frozen=True)
    key: str
    name: str
    url: str = ""
    policy_url: str = ""
    notice: str = ""
    obligations: tuple[str, ...] = ()
    name_prefix: str = ""
    attribution: str = ""
    notice_file: bool = False
    user_threshold: int | None = None
    text: str = ""


class Publication(BaseModel):
    """A finished run to be registered: `run_folder` holds spec.json, events.jsonl and model/. `name` is
    catalog.schema.model.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    run_name: str
    run_folder: Path
    mlflow_experiment_id: str
    mlflow_run_id: str
    licence: LicenceNotice


class PublishedVersion(BaseModel):
    """A version in the registry. `model_uri` is models:/<name>/<version>."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())
    name: str
    version: int
    model_uri: str
    run_id: str


class Registry(Protocol):
    """Every call may raise RegistryUnavailable within seconds, and RegistryRefused. Writes may be repeated without harm."""

    def start_run(
        self, *, experiment_path: str, run_name: str, params: Mapping[str, str], tags: Mapping[str, str]
    ) -> tuple[str, str]:
        """Find or make the experiment and the run called `run_name`; return (experiment id, run id)."""

    def log_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        """Write points; one that is there already is not doubled."""

    def log_data(self, run_id: str, data: Sequence[DataRecord]) -> None:
        """Say which rows the run reads."""

    def log_table(self, run_id: str, file: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a table that the record's pages show; one of the same name is replaced."""

    def log_artifacts(self, run_id: str, path: Path, place: str = "") -> None:
        """Copy a file, or what is in a folder, to `place` among the run's artifacts."""

    def set_terminated(self, run_id: str, status: Ending) -> None:
        """Say how the run ended."""

    def publish(self, publication: Publication) -> PublishedVersion:
        """Log and register a model, once: a second call returns the first one's version. Minutes for large models.

        Also raises PublishFailed.
        """

    def find_version(self, name: str, run_name: str) -> PublishedVersion | None:
        """The version of `name` that came from this run."""

    def size(self, name: str, version: int) -> int:
        """Bytes that are kept of a version."""

    def healthy(self) -> str | None:
        """None when MLflow answers, else what is wrong; never raises."""

    def run_url(self, experiment_id: str, run_id: str) -> str:
        """The run's page. Asks nobody."""

    def model_url(self, name: str, version: int) -> str:
        """The version's page. Asks nobody."""
