"""Engine lines to rows: what each kind of line means for a run."""

import math
from collections.abc import Sequence
from datetime import timedelta

from runs.contract import events as say
from runs.contract.events import EventType, Line, Phase
from runs.models import Checkpoint, MetricPoint, Run, RunStatus, Sample
from runs.models.metric import MetricKind
from runs.services import timeline

FAR_SECONDS = 10 * 365 * 86_400  # an end further away than this is no forecast
COMMON = frozenset({"kind", "time", "step", "epoch", "tokens"})


def absorb(run: Run, lines: Sequence[Line]) -> None:
    """Write rows for `lines` and bring the run up to date; the caller saves it, in the same transaction."""
    _write_points(run, [line for line in lines if isinstance(line, say.Step | say.Evaluation)])
    for line in lines:
        match line:
            case say.Milestone():
                _milestone(run, line)
            case say.Progress():
                run.phase = line.phase
                run.progress = line.model_dump(mode="json", include={"doing", "done", "total", "unit"})
                if run.status == RunStatus.STARTING:
                    run.details = f"{line.doing[:1].upper()}{line.doing[1:]}."
            case say.Plan():
                run.total_steps, run.steps_per_epoch, run.total_tokens = (
                    line.total_steps,
                    line.steps_per_epoch,
                    line.total_tokens,
                )
            case say.Step():
                _step(run, line)
            case say.Sample():
                Sample.objects.update_or_create(
                    run=run, step=line.step, index=line.index, defaults={"prompt": line.prompt, "answer": line.answer}
                )
            case say.Checkpoint():
                _checkpoint(run, line)
            case say.CheckpointDeleted():
                Checkpoint.objects.filter(run=run, name=line.name).update(deleted_at=line.time)
            case say.Notice():
                _notice(run, line)
            case say.Resumed() if line.step:
                timeline.add(run, EventType.REQUEUED, f"Training goes on from batch {line.step}.", time=line.time)
            case _:
                pass
    if steps := [line for line in lines if isinstance(line, say.Step)]:
        timeline.add(run, EventType.TRAIN_UPDATED, progress_text(run, steps[-1]), time=steps[-1].time)


def _write_points(run: Run, lines: Sequence[say.Step | say.Evaluation]) -> None:
    points = {
        (kind, line.step): MetricPoint(
            run=run,
            kind=kind,
            step=line.step,
            epoch=line.epoch,
            tokens=line.tokens,
            time=line.time,
            values={key: _finite(value) for key, value in line.model_dump().items() if key not in COMMON},
        )
        for line in lines
        for kind in [MetricKind.TRAIN if isinstance(line, say.Step) else MetricKind.EVAL]
    }
    MetricPoint.objects.bulk_create(
        points.values(),
        update_conflicts=True,
        unique_fields=["run", "kind", "step"],
        update_fields=["epoch", "tokens", "time", "values"],
    )


def _finite(value: float | None) -> float | None:
    """JSON, and so PostgreSQL, has no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _milestone(run: Run, line: say.Milestone) -> None:
    if line.type == EventType.TRAIN_STARTED and run.status == RunStatus.STARTING:
        run.move_to(RunStatus.RUNNING)
    if line.type == EventType.TRAIN_STARTED:
        run.phase, run.details = Phase.TRAINING, "Training."
    timeline.add(run, line.type, line.message, time=line.time)


def _step(run: Run, line: say.Step) -> None:
    if run.status == RunStatus.STARTING:
        run.move_to(RunStatus.RUNNING)
    if line.step > run.step:
        run.attempts = 0  # it gets somewhere: earlier losses were not its fault
    run.phase = Phase.TRAINING
    if run.status == RunStatus.RUNNING and not run.pause_wanted:
        run.details = "Training."  # a resumed engine does not start training a second time
    run.step, run.tokens, run.last_loss = line.step, line.tokens, _finite(line.loss)
    run.tokens_per_second = _finite(line.tokens_per_second)
    if line.seconds_left is not None and 0 <= line.seconds_left < FAR_SECONDS:
        run.estimated_end_at = line.time + timedelta(seconds=line.seconds_left)


def _notice(run: Run, line: say.Notice) -> None:
    """Once, however often a resumed engine comes by the same place."""
    message = f"{line.message} {line.advice}"
    if not run.events.filter(type=EventType.ADVICE, message=message).exists():
        timeline.add(run, EventType.ADVICE, message, time=line.time)


def _checkpoint(run: Run, line: say.Checkpoint) -> None:
    fields = {"step": line.step, "epoch": line.epoch, "bytes": line.bytes, "digest": line.digest, "time": line.time}
    _, new = Checkpoint.objects.update_or_create(run=run, name=line.name, defaults={**fields, "deleted_at": None})
    if new:
        timeline.add(run, EventType.CHECKPOINT_SAVED, f"Checkpoint {line.name} saved.", time=line.time)


def progress_text(run: Run, line: say.Step) -> str:
    """The original's wording: [epoch=1/1][batch=50/56][ETA=5min] Train loss: 1.71"""
    unit = run.asked.training_duration.lstrip("0123456789")
    seconds = _finite(line.seconds_left)
    left = f"[ETA={in_short(seconds)}]" if seconds is not None else ""
    if unit == "tok":
        place = f"[token={line.tokens}/{run.total_tokens}]"
    elif unit == "ba" or not run.steps_per_epoch:
        place = f"[batch={line.step}/{run.total_steps}]"
    else:
        epoch, batch = divmod(line.step - 1, run.steps_per_epoch)
        epochs = -(-run.total_steps // run.steps_per_epoch)
        place = f"[epoch={epoch + 1}/{epochs}][batch={batch + 1}/{run.steps_per_epoch}]"
    return f"{place}{left} Train loss: {line.loss:.4g}"


def in_short(seconds: float) -> str:
    """45s, 12min, 3hr, 2d: as the original's client writes a remaining time."""
    for unit, size in (("d", 86_400), ("hr", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{round(seconds / size)}{unit}"
    return f"{round(seconds)}s"
