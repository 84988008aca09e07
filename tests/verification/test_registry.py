"""The MLflow bridge against a real MLflow server: runs, metrics, data, and a server that is away."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs.registry.mlflow import MlflowRegistry
from runs.registry.protocol import (
    DataRecord,
    MetricPoint,
    RegistryRefused,
    RegistryUnavailable,
)


def test_a_run_is_made_once_with_its_settings(registry: MlflowRegistry, run_name: str) -> None:
    asked = {"experiment_path": f"/Users/owner/{run_name}", "run_name": run_name, "params": {"lr": "0.1", "long": "x" * 9_000}}
    experiment, run = registry.start_run(**asked, tags={"team": "research"})
    assert registry.start_run(**asked, tags={"team": "research"}) == (experiment, run)
    there = registry.client.get_run(run)
    assert there.info.run_name == run_name
    assert there.data.params["lr"] == "0.1"
    assert there.data.tags["team"] == "research"


def test_an_experiment_that_somebody_deleted_comes_back(registry: MlflowRegistry, run_name: str) -> None:
    asked = {"experiment_path": f"/Users/owner/{run_name}", "run_name": run_name, "params": {}, "tags": {}}
    experiment, _ = registry.start_run(**asked)
    registry.client.delete_experiment(experiment)
    assert registry.start_run(**asked)[0] == experiment
    assert registry.client.get_experiment(experiment).lifecycle_stage == "active"


def test_ten_thousand_points_arrive_and_none_is_doubled(registry: MlflowRegistry, run_name: str) -> None:
    _, run = registry.start_run(experiment_path=f"/Users/owner/{run_name}", run_name=run_name, params={}, tags={})
    points = [MetricPoint("loss/train/total", 2.0 / step, step, step * 1_000) for step in range(1, 10_001)]
    began = time.monotonic()
    registry.log_metrics(run, points)
    assert time.monotonic() - began < 60
    registry.log_metrics(run, points[-1_500:])  # the cursor was not saved: the same points come again
    history = registry.client.get_metric_history(run, "loss/train/total")
    assert sorted(point.step for point in history) == list(range(1, 10_001))
    assert registry.client.get_run(run).data.metrics["loss/train/total"] == 2.0 / 10_000


def test_values_that_are_no_numbers_do_not_stop_the_copy(registry: MlflowRegistry, run_name: str) -> None:
    _, run = registry.start_run(experiment_path=f"/Users/owner/{run_name}", run_name=run_name, params={}, tags={})
    registry.log_metrics(run, [MetricPoint("loss", float("nan"), 1, 1_000), MetricPoint("rate", float("inf"), 1, 1_000)])
    assert set(registry.client.get_run(run).data.metrics) == {"loss", "rate"}


def test_data_files_and_the_end_are_written_down(registry: MlflowRegistry, run_name: str, place: Path) -> None:
    _, run = registry.start_run(experiment_path=f"/Users/owner/{run_name}", run_name=run_name, params={}, tags={})
    (place / "log.txt").write_text("all well")
    registry.log_data(run, [DataRecord("sums", "sha256:" + "ab" * 32, 12, "training", "a.b.c@v3", "v3", "alpaca")])
    registry.log_artifacts(run, place, "logs")
    registry.set_terminated(run, "KILLED")
    there = registry.client.get_run(run)
    assert there.info.status == "KILLED"
    [data] = there.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("sums", "ab" * 18)
    known = {"source": "a.b.c@v3", "version": "v3", "mapping": "alpaca"}
    assert json.loads(data.dataset.source) == {"sha256": "ab" * 32, **known}
    assert [file.path for file in registry.client.list_artifacts(run, "logs")] == ["logs/log.txt"]


def test_a_server_that_is_away_says_so_within_seconds(run_name: str) -> None:
    away = MlflowRegistry("http://somebody:secret-word@127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(RegistryUnavailable, match=r"MLflow at 127\.0\.0\.1:9 does not answer") as caught:
        away.start_run(experiment_path="/Users/owner/x", run_name=run_name, params={}, tags={})
    assert "127.0.0.1:9 does not answer" in (away.healthy() or "")
    assert time.monotonic() - began < 20
    assert "secret-word" not in str(caught.value) + (away.healthy() or "")


def test_a_run_that_mlflow_does_not_know_is_refused_not_awaited(registry: MlflowRegistry) -> None:
    with pytest.raises(RegistryRefused, match="refuses"):
        registry.log_metrics("0" * 32, [MetricPoint("loss", 1.0, 1, 1_000)])


def test_health_and_links_need_no_mlflow_library(mlflow_server: str) -> None:
    asks = (
        "import sys; from runs.registry.mlflow import MlflowRegistry as R; r = R(sys.argv[1]);"
        "print(r.healthy(), r.run_url('1', 'abc'), r.model_url('main.default.tiny', 2), 'mlflow' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", asks, mlflow_server], capture_output=True, text=True, check=True).stdout
    assert said.split() == [
        "None",
        f"{mlflow_server}/#/experiments/1/runs/abc",
        f"{mlflow_server}/#/models/main.default.tiny/versions/2",
        "False",
    ]
