"""Runs, data sets, events and checkpoints as this dialect shows them. Moments are whole seconds since the epoch."""

from datetime import datetime
from pathlib import PurePath
from typing import Any

from runs import wiring
from runs.api.openai import naming
from runs.contract.duration import Duration, Unit
from runs.models import BaseModel, Checkpoint, DataSet, MetricPoint, Run, RunEvent, RunStatus, Taking
from runs.services.specification import resolved

STATUSES = {
    RunStatus.PENDING: "queued",
    RunStatus.QUEUED: "queued",
    RunStatus.PAUSED: "paused",
    RunStatus.STARTING: "running",
    RunStatus.RUNNING: "running",
    RunStatus.TERMINATING: "cancelled",  # finishing its step: it comes to nothing else
    RunStatus.STOPPED: "cancelled",
    RunStatus.COMPLETED: "succeeded",
    RunStatus.FAILED: "failed",
}
WARNINGS = {"REQUEUED", "CHECK_FAILED", "ADVICE"}


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def file_object(file: DataSet | Taking) -> dict[str, Any]:
    """A large file is `uploaded` while it is checked, and `error` when that found something: `status_details` say what."""
    name = PurePath(file.source.partition("@")[0]).name or file.name
    if isinstance(file, Taking):
        size, status = file.total, "uploaded" if file.is_under_way else "error"
    else:
        size = wiring.original_file(file.original).stat().st_size if file.original else file.bytes
        status = "processed"
    return {
        "id": naming.file_id(file),
        "object": "file",
        "bytes": size,
        "created_at": seconds(file.created_at),
        "filename": name,
        "purpose": "fine-tune",
        "status": status,
        "status_details": file.reason if status == "error" and isinstance(file, Taking) else None,
        "expires_at": None,
    }


def results_object(run: Run, size: int) -> dict[str, Any]:
    shown = {"id": naming.results_id(run), "object": "file", "bytes": size, "created_at": seconds(run.completed_at)}
    return {**shown, "filename": "step_metrics.csv", "purpose": "fine-tune-results", "status": "processed", "expires_at": None}


def job_object(run: Run) -> dict[str, Any]:
    """A run; select its owner with team, base model and both data sets along."""
    done, settings = run.status == RunStatus.COMPLETED, hyperparameters(run)
    is_validating = run.awaits_data and run.status == RunStatus.PENDING
    return {
        "id": naming.job_id(run),
        "object": "fine_tuning.job",
        "model": run.base_model.name,
        "created_at": seconds(run.created_at),
        "finished_at": seconds(run.completed_at),
        "estimated_finish": seconds(run.estimated_end_at),
        "fine_tuned_model": naming.model_id(run) if done else None,
        "organization_id": f"org-{naming.organization(run.owner)}",
        "status": "validating_files" if is_validating else STATUSES[RunStatus(run.status)],
        "training_file": naming.training_file(run),
        "validation_file": naming.validation_file(run),
        "result_files": [naming.results_id(run)] if done else [],
        "trained_tokens": run.tokens if done else None,
        "seed": run.asked.seed,
        "hyperparameters": settings,
        "method": {"type": "supervised", "supervised": {"hyperparameters": settings}},
        "error": _error(run),
        "integrations": [],
        "metadata": run.labels.get("metadata"),
    }


def hyperparameters(run: Run) -> dict[str, Any]:
    """What was left to us is `auto` until the run first starts: only then is it settled."""
    asked, used = run.asked, resolved(run.asked, run.base_model)
    given = asked.model_fields_set if run.started_at is None else set(type(asked).model_fields)
    duration = Duration.parse(used.training_duration)
    shown = {
        "n_epochs": ("training_duration", duration.count if duration.unit == Unit.EPOCHS else None),
        "batch_size": ("batch_size", used.batch_size),
        "learning_rate_multiplier": ("learning_rate", _multiplier(run, used.learning_rate)),
    }
    return {theirs: value if ours in given else "auto" for theirs, (ours, value) in shown.items()}


def default_rate(model: BaseModel, asked: Any) -> float:
    """The learning rate that a multiplier of 1 stands for: the model's own."""
    rate = resolved(asked.model_copy(update={"learning_rate": None}), model).learning_rate
    assert rate is not None
    return rate


def _multiplier(run: Run, rate: float | None) -> float:
    return float(f"{(rate or 0) / default_rate(run.base_model, run.asked):.6g}")


def _error(run: Run) -> dict[str, Any] | None:
    if run.status != RunStatus.FAILED:
        return None
    code = "invalid_training_file" if run.fault == "data" else run.fault or "server_error"
    param = "training_file" if run.fault == "data" else None
    return {"code": code, "message": f"{run.details} {run.advice}".strip(), "param": param}


def event_object(event: RunEvent) -> dict[str, Any]:
    level = "error" if event.type == "FAILED" else "warn" if event.type in WARNINGS else "info"
    return _event(f"e{event.pk}", event.time, level, event.message, "message", {})


def metrics_object(point: MetricPoint) -> dict[str, Any]:
    loss = point.values.get("loss")
    told = f"Step {point.step}: {'training' if point.kind == 'train' else 'validation'} loss={_short(loss)}"
    if point.kind == "train":
        data = {"step": point.step, "train_loss": loss}
    else:
        accuracy = point.values.get("token_accuracy")
        data = {"step": point.step, "full_valid_loss": loss, "full_valid_mean_token_accuracy": accuracy}
    return _event(f"m{point.pk}", point.time, "info", told, "metrics", data)


def _event(key: str, time: datetime, level: str, message: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    shown = {"object": "fine_tuning.job.event", "id": f"ftevent-{key}", "created_at": seconds(time)}
    return {**shown, "level": level, "message": message, "type": kind, "data": data}


def checkpoint_object(checkpoint: Checkpoint, run: Run, points: dict[tuple[str, int], MetricPoint]) -> dict[str, Any]:
    train, valid = (points.get((kind, checkpoint.step)) for kind in ("train", "eval"))
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt-{checkpoint.pk}",
        "created_at": seconds(checkpoint.time),
        "fine_tuned_model_checkpoint": f"{naming.model_id(run)}{naming.CHECKPOINT}{checkpoint.step}",
        "fine_tuning_job_id": naming.job_id(run),
        "step_number": checkpoint.step,
        "metrics": {
            "step": checkpoint.step,
            **({"train_loss": train.values.get("loss")} if train else {}),
            **({"full_valid_loss": valid.values.get("loss")} if valid else {}),
            **({"full_valid_mean_token_accuracy": valid.values.get("token_accuracy")} if valid else {}),
        },
    }


def _short(loss: float | None) -> str:
    return "none" if loss is None else f"{loss:.4g}"
