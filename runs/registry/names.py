"""From the engine's values to the metric names that the original service wrote to MLflow. Pure; knows no server."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from runs.registry.protocol import MetricPoint

OPTIMIZERS = {"adamw": "AdamW", "lion": "DecoupledLionW"}  # Composer names the metric after the optimizer's class

EVALUATION = {
    "loss": "metrics/eval/LanguageCrossEntropy",
    "perplexity": "metrics/eval/LanguagePerplexity",
    "token_accuracy": "metrics/eval/TokenAccuracy",
}
TRAINING = {
    "rows": "time/sample",
    "token_accuracy": "metrics/train/TokenAccuracy",
    "gradient_norm": "l2_norm/grad/global",
    "tokens_per_second": "throughput/tokens_per_sec",
    "batches_per_second": "throughput/batches_per_sec",
    "rows_per_second": "throughput/samples_per_sec",
    "device_use": "throughput/device/use",
    "mfu": "throughput/device/mfu",
    "data_wait_share": "time/data_wait_share",
    "seconds_left": "time/remaining_estimate",
    "memory_bytes": "memory/peak_bytes",
    "padding_share": "data/padding_share",
}


def point_metrics(
    *, train: bool, step: int, epoch: float, tokens: int, time: datetime, values: Mapping[str, Any], optimizer: str
) -> list[MetricPoint]:
    """The MLflow metrics of one engine line. `values` go by the names of contract.events; others are left out."""
    named = _training(step, epoch, tokens, values, optimizer) if train else _named(values, EVALUATION)
    stamp = round(time.timestamp() * 1_000)
    return [MetricPoint(key, value, step, stamp) for key, value in named]


def _training(step: int, epoch: float, tokens: int, values: Mapping[str, Any], optimizer: str) -> Iterator[tuple[str, float]]:
    if (loss := _number(values.get("loss"))) is not None:
        yield "loss/train/total", loss
        yield "metrics/train/LanguageCrossEntropy", loss
        yield "metrics/train/LanguagePerplexity", math.exp(min(loss, 700))  # exp(710) is more than a float holds
    if (rate := _number(values.get("learning_rate"))) is not None:
        yield f"lr-{OPTIMIZERS.get(optimizer, optimizer)}/group0", rate
    yield from _named(values, TRAINING)
    if (speed := _number(values.get("tokens_per_second"))) is not None:
        yield "throughput/device/tokens_per_sec", speed  # a run has one device
    yield "time/epoch", float(epoch)
    yield "time/batch", float(step)
    yield "time/token", float(tokens)


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    for ours, theirs in names.items():
        if (value := _number(values.get(ours))) is not None:
            yield theirs, value


def _number(value: Any) -> float | None:
    """NaN and infinities travel through JSON as text."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
