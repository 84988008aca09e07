"""The registry as an MLflow server. mlflow is imported at the first call, so that a page may make links for nothing.

A server that is away fails a call within seconds. Publishing happens in a child process, which alone loads torch.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from runs.registry import child
from runs.registry.protocol import (
    RUN_TAG,
    DataRecord,
    Ending,
    MetricPoint,
    Publication,
    PublishedVersion,
    RegistryRefused,
    RegistryUnavailable,
)
from runs.registry.rest import BUSY, Rest

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS_A_CALL = 1_000  # the server refuses more
PARAMS_A_CALL = 100
LONGEST_PARAM = 6_000  # characters
DIGEST_LENGTH = 36  # characters of a data set's digest that MLflow has room for
HEALTH_SECONDS = 3

Item = TypeVar("Item")


class MlflowRegistry:
    """Implements `protocol.Registry`. `timeout` is seconds a request; `retries` come on top of the first try."""

    def __init__(self, uri: str, *, timeout: int = 10, retries: int = 1) -> None:
        self.uri = uri.rstrip("/")
        self._timeout, self._retries = timeout, retries

    @cached_property
    def client(self) -> "MlflowClient":
        from mlflow import MlflowClient
        from mlflow import environment_variables as settings

        chosen: list[tuple[Any, int]] = [
            (settings.MLFLOW_HTTP_REQUEST_TIMEOUT, self._timeout),
            (settings.MLFLOW_HTTP_REQUEST_MAX_RETRIES, self._retries),
            (settings.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, 1),  # seconds before the first retry, doubled for each one more
        ]
        for setting, value in chosen:
            setting.set(value)
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @cached_property
    def rest(self) -> Rest:
        """For what a request of a person waits for: mlflow takes seconds to import."""
        return Rest(self.uri, timeout=self._timeout)

    def start_run(
        self, *, experiment_path: str, run_name: str, params: Mapping[str, str], tags: Mapping[str, str]
    ) -> tuple[str, str]:
        experiment = self._experiment(experiment_path)
        wanted: dict[str, Any] = {
            "experiment_ids": [experiment],
            "filter": f"tags.`{RUN_TAG}` = '{run_name}'",
            "max_results": 1,
        }
        found = self.rest.post("runs/search", **wanted).get("runs")
        run_id = found[0]["info"]["run_id"] if found else self._create_run(experiment, run_name, {**tags, RUN_TAG: run_name})
        entries = [{"key": key, "value": value[:LONGEST_PARAM]} for key, value in params.items()]
        for some in _portions(entries, PARAMS_A_CALL):
            self.rest.post("runs/log-batch", run_id=run_id, params=some)
        return experiment, run_id

    def _create_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        entries = [{"key": key, "value": value} for key, value in tags.items()]
        person, now = tags.get("mlflow.user", ""), int(time.time() * 1_000)
        made = self.rest.post(
            "runs/create", experiment_id=experiment, run_name=name, user_id=person, start_time=now, tags=entries
        )
        return str(made["run"]["info"]["run_id"])

    def _experiment(self, path: str) -> str:
        """The experiment's id. One that somebody deleted comes back: MLflow keeps its name taken."""
        found = self._experiment_named(path)
        if found is None:
            try:
                return str(self.rest.post("experiments/create", name=path)["experiment_id"])
            except RegistryRefused:
                found = self._experiment_named(path)  # somebody else was faster
                if found is None:
                    raise
        if found.get("lifecycle_stage") == "deleted":
            self.rest.post("experiments/restore", experiment_id=found["experiment_id"])
        return str(found["experiment_id"])

    def _experiment_named(self, path: str) -> dict[str, Any] | None:
        answer = self.rest.raw("GET", "/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": path})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return dict(self.rest.read(answer)["experiment"])

    def log_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(point.key, point.value, point.timestamp_ms, point.step) for point in points]
        with self.speaking():
            for some in _portions(metrics, METRICS_A_CALL):
                self.client.log_batch(run_id, metrics=some)

    def log_data(self, run_id: str, data: Sequence[DataRecord]) -> None:
        inputs: list[dict[str, Any]] = []
        for record in data:
            kind, _, digest = record.digest.rpartition(":")
            origin = {"source": record.source, "version": record.source_version, "mapping": record.mapping}
            known = {key: value for key, value in origin.items() if value}
            source, profile = json.dumps({kind or "digest": digest, **known}), json.dumps({"num_rows": record.rows})
            named: dict[str, Any] = {"name": record.name, "digest": digest[:DIGEST_LENGTH], "source_type": "finetuning"}
            tag = {"key": "mlflow.data.context", "value": record.used_for}
            inputs.append({"tags": [tag], "dataset": {**named, "source": source, "profile": profile}})
        self.rest.post("runs/log-inputs", run_id=run_id, datasets=inputs)

    def log_table(self, run_id: str, file: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        text = json.dumps({"columns": list(columns), "data": [list(row) for row in rows]}, ensure_ascii=False)
        with self.speaking():
            self.client.log_text(run_id, text, file)
            # MLflow's pages look for tables in this tag, which its own `log_table` writes too.
            self.client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": file, "type": "table"}]))

    def log_artifacts(self, run_id: str, path: Path, place: str = "") -> None:
        with self.speaking():
            send = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
            send(run_id, str(path), place or None)

    def set_terminated(self, run_id: str, status: Ending) -> None:
        with self.speaking():
            self.client.set_terminated(run_id, status, end_time=int(time.time() * 1_000))

    def publish(self, publication: Publication) -> PublishedVersion:
        there = self.find_version(publication.name, publication.run_name)
        return there or child.publish(self.uri, publication)

    def find_version(self, name: str, run_name: str) -> PublishedVersion | None:
        with self.speaking():
            found = self.client.search_model_versions(f"name = '{name}' and tags.`{RUN_TAG}` = '{run_name}'")
        if not found:
            return None
        first = min(found, key=lambda version: int(version.version))
        number = int(first.version)
        return PublishedVersion(name=name, version=number, model_uri=f"models:/{name}/{number}", run_id=first.run_id or "")

    def size(self, name: str, version: int) -> int:
        made = self.rest.get("model-versions/get", name=name, version=str(version))["model_version"]
        model = made.get("model_id") or str(made.get("source", "")).removeprefix("models:/")
        found, folders = 0, [""]
        while folders:
            inside = self.rest.get(f"logged-models/{model}/artifacts/directories", artifact_directory_path=folders.pop())
            folders += [entry["path"] for entry in inside.get("files", []) if entry.get("is_dir")]
            found += sum(int(entry.get("file_size") or 0) for entry in inside.get("files", []))
        return found

    def healthy(self) -> str | None:
        try:
            answer = httpx.get(f"{self.uri}/health", timeout=HEALTH_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"MLflow at {self.place} does not answer: {str(error) or type(error).__name__}"
        return None if answer.is_success else f"MLflow at {self.place} answers with HTTP {answer.status_code}."

    def run_url(self, experiment_id: str, run_id: str) -> str:
        return f"{self.uri}/#/experiments/{experiment_id}/runs/{run_id}"

    def model_url(self, name: str, version: int) -> str:
        return f"{self.uri}/#/models/{quote(name, safe='')}/versions/{version}"

    @property
    def place(self) -> str:
        """The server's address without a password."""
        return urlsplit(self.uri).netloc.rpartition("@")[2] or self.uri

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Translate MLflow's errors: later may help, or it says no."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            status = int(error.get_http_status_code())  # type: ignore[no-untyped-call]
            if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in BUSY:
                raise RegistryUnavailable(f"MLflow at {self.place} does not answer: {_short(error)}") from error
            raise RegistryRefused(f"MLflow at {self.place} refuses: {_short(error)}") from error
        except OSError as error:  # requests' errors among them, and files that cannot be read
            raise RegistryUnavailable(f"MLflow at {self.place} cannot be reached: {_short(error)}") from error


def _portions(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + most] for start in range(0, len(items), most))


def _short(error: Exception) -> str:
    """The first line, without the stack of causes that HTTP libraries write and without a password in an address."""
    return re.sub(r"//[^/@\s]+@", "//", str(error).strip().partition("\n")[0])[:300]
