"""Runs as the original client reads them.

The client's traps, each measured: a null `details`, `dataPrepConfig` or `formattedFinetuningEvents` breaks it, so absent values
are left out; an unknown key inside `details` breaks it; `experimentTracker.mlflow` must be there; times need a zone.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from runs.contract.request import RunRequest
from runs.models import BaseModel, Run, RunEvent, RunStatus

ASKED = {
    "model": "model",
    "trainDataPath": "train_data_path",
    "taskType": "task_type",
    "evalDataPath": "eval_data_path",
    "evalPrompts": "eval_prompts",
    "customWeightsPath": "custom_weights_path",
    "trainingDuration": "training_duration",
    "learningRate": "learning_rate",
    "contextLength": "context_length",
}

CLUSTER, LONGEST_ID = "dataPrepConfig", 200

CHECKPOINT = re.compile(
    r"dbfs:/databricks/mlflow-tracking/[^/]+/[^/]+/artifacts/(?P<run>[^/]+)/checkpoints/(?P<checkpoint>[^/]+)/?"
)  # as get_checkpoints gives them
STATUSES = {RunStatus.PAUSED.value: RunStatus.PENDING.value}  # the client knows nine; of them this is the nearest


def request_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run request from the client's `config`. A learning rate may come as text."""
    fields = {ours: config[theirs] for theirs, ours in ASKED.items() if config.get(theirs) is not None}
    mlflow = (config.get("experimentTracker") or {}).get("mlflow") or {}
    fields["register_to"] = mlflow.get("modelRegistryPath") or ""
    fields["experiment_path"] = mlflow.get("experimentPath") or ""
    if match := CHECKPOINT.fullmatch(str(fields.get("custom_weights_path", ""))):
        fields["custom_weights_path"] = f"{match['run']}/{match['checkpoint']}"
    if isinstance(fields.get("learning_rate"), str):
        with suppress(ValueError):  # the request's own check says what is wrong with it
            fields["learning_rate"] = float(fields["learning_rate"])
    return fields


def labels(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a `config` means nothing here and is shown again: the cluster that was to prepare a table."""
    asked = config.get("dataPrepConfig")
    cluster = asked.get("clusterId") if isinstance(asked, dict) else None
    return {CLUSTER: {"clusterId": cluster}} if isinstance(cluster, str) and len(cluster) <= LONGEST_ID else {}


def run_object(run: Run, *, details: bool = True) -> dict[str, Any]:
    """A run; `details` needs `run.events` (prefetch them)."""
    shown: dict[str, Any] = {
        "id": str(run.pk),
        "name": run.name,
        "status": STATUSES.get(run.status, run.status),
        "createdById": str(run.owner_id),
        "createdByEmail": run.owner.address,
        "createdAt": moment(run.created_at),
        "updatedAt": moment(run.updated_at),
        "startedAt": moment(run.started_at),
        "completedAt": moment(run.completed_at),
        "estimatedEndTime": moment(run.estimated_end_at),
        "reason": run.details,
        "isDeleted": run.deleted_at is not None,
    }
    return shown | {"details": _details(run)} if details else shown


def _details(run: Run) -> dict[str, Any]:
    asked: RunRequest = run.asked
    values = asked.model_dump(mode="json")
    config = {theirs: values[ours] for theirs, ours in ASKED.items() if values.get(ours) not in (None, [], "")}
    experiment, mlflow_run = run.mlflow_experiment_id, run.mlflow_run_id
    tracker = {
        "experimentPath": run.experiment_path,
        "modelRegistryPath": asked.register_to,
        **({"mlflowExperimentId": experiment, "mlflowRunId": mlflow_run} if mlflow_run else {}),
    }
    return {
        **config,
        **({CLUSTER: run.labels[CLUSTER]} if CLUSTER in run.labels else {}),
        "saveFolder": f"dbfs:/databricks/mlflow-tracking/{experiment}/{mlflow_run}/artifacts",
        "experimentTracker": {"mlflow": tracker},
        "formattedFinetuningEvents": [event_object(event) for event in run.events.all()],
    }


def event_object(event: RunEvent) -> dict[str, Any]:
    return {"eventType": event.type, "eventTime": moment(event.time), "eventMessage": event.message}


def model_object(model: BaseModel) -> dict[str, Any]:
    return {"name": model.name, "displayName": model.display_name, "maxContextLength": model.max_context_length}


def moment(time: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and a zone."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None
