"""Rows of runs in every state, for pages to show: made with the models alone, no engine needed."""

import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from runs.contract.events import EventType, Phase
from runs.models import BaseModel, Checkpoint, DataSet, MetricPoint, Run, RunEvent, RunStatus, Sample, User
from runs.models.metric import MetricKind
from runs.models.status import LEASED, TERMINAL


def make_run(*, name: str, owner: User, base_model: BaseModel, dataset: DataSet, status: RunStatus, **fields: Any) -> Run:
    """A run in `status`, with the timestamps and the lease that the database asks for."""
    now = timezone.now()
    started = now - timedelta(minutes=12)
    times: dict[str, Any] = {"created_at": now - timedelta(minutes=13)}
    if status != RunStatus.PENDING:
        times["queued_at"] = times["created_at"]
    if status in {RunStatus.RUNNING, RunStatus.COMPLETED, RunStatus.TERMINATING}:
        times["started_at"] = started
    if status in TERMINAL:
        times["completed_at"] = now
    if status in LEASED:
        times |= {"lease_node": "test", "lease_token": f"token-{name}"[:32], "lease_heartbeat": now}
    if status == RunStatus.COMPLETED:
        times["phase"] = Phase.REGISTERING
    request = {"model": base_model.name, "train_data_path": dataset.name, "register_to": "main.default"}
    request |= fields.pop("request", {})
    return Run.objects.create(
        name=name,
        owner=owner,
        base_model=base_model,
        dataset=dataset,
        status=status,
        request=request,
        task_type=dataset.task_type,
        register_to=f"main.default.{name}",
        **{**times, **fields},
    )


def loss_at(step: int, of: int, chance: random.Random) -> float:
    """A curve of the usual shape: a fast fall, a slow one, and noise."""
    return 0.35 + 2.6 * math.exp(-7 * step / of) + 0.5 * math.exp(-step / of) + chance.gauss(0, 0.045)


def train_points(run: Run, steps: Sequence[int], *, of: int, start: datetime | None = None) -> list[MetricPoint]:
    """Write a training point for each of `steps`, and bring the run to the last of them."""
    chance, begun = random.Random(run.pk), start or series_start(run)
    points = [
        MetricPoint(
            run=run,
            kind=MetricKind.TRAIN,
            step=step,
            epoch=step / of * 2,
            tokens=step * 640,
            time=begun + timedelta(seconds=4 * step),
            values={
                "loss": loss_at(step, of, chance),
                "learning_rate": 2e-5 * min(step / (0.1 * of), (of - step + 1) / of),
                "gradient_norm": 0.6 + abs(chance.gauss(0, 0.3)) + 3 * math.exp(-9 * step / of),
                "tokens_per_second": 163 + chance.gauss(0, 6),
                "padding_share": 0.041,
                "memory_bytes": int(2.4e9 + 2e7 * chance.random()),
            },
        )
        for step in steps
    ]
    made = MetricPoint.objects.bulk_create(points, batch_size=5_000)
    last = points[-1]
    run.step, run.total_steps, run.steps_per_epoch = last.step, of, -(-of // 2)
    run.tokens, run.total_tokens, run.last_loss = last.tokens, of * 640, last.values["loss"]
    run.tokens_per_second = last.values["tokens_per_second"]
    run.save()
    return made


def series_start(run: Run) -> datetime:
    return run.started_at or run.created_at


def evaluate(run: Run, step: int, loss: float) -> None:
    """An evaluation with answers to two prompts and a checkpoint, as the engine leaves them."""
    time = series_start(run) + timedelta(seconds=4 * step + 1)
    values = {"loss": loss, "perplexity": math.exp(loss), "token_accuracy": 0.6 + 0.3 / (1 + loss)}
    epoch = step / (run.steps_per_epoch or 1)
    MetricPoint.objects.create(
        run=run, kind=MetricKind.EVAL, step=step, epoch=epoch, tokens=step * 640, time=time, values=values
    )
    asked = ["The printer on floor 3 shows error 49 since this morning.", "I forgot my password again, sorry!"]
    answers = ["Sure! Here is what you can do about it: first, …", '{"queue": "hardware", "priority": "normal"}']
    for index, prompt in enumerate(asked):
        Sample.objects.create(run=run, step=step, index=index, prompt=prompt, answer=answers[bool(step)])
    if step:
        Checkpoint.objects.create(
            run=run,
            name=f"ep{epoch:.0f}-ba{step}",
            step=step,
            epoch=epoch,
            bytes=1_614_000_000,
            digest="sha256:" + "5f" * 32,
            time=time,
        )
        RunEvent.objects.create(
            run=run, type=EventType.CHECKPOINT_SAVED, time=time, message=f"Checkpoint ep{epoch:.0f}-ba{step} saved."
        )


def events(run: Run, *types: EventType) -> None:
    for number, kind in enumerate(types):
        time = run.created_at + timedelta(seconds=7 * number)
        RunEvent.objects.create(run=run, type=kind, time=time, message=f"{kind.value.replace('_', ' ').capitalize()}.")
