"""A run as a line of the dashboard: what the row says besides the run's own fields, read for all rows at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runs.models import MetricPoint, Run, RunStatus
from runs.services import series
from runs.web import charts

SPARK_POINTS = 40
SPARK_WIDTH, SPARK_HEIGHT = 72, 20  # pixels


@dataclass(frozen=True, slots=True)
class Row:
    run: Run
    spark: str  # SVG path of the training loss
    position: int | None  # 1 for the run that starts next
    starts_at: datetime | None  # a guess, for the run that starts next

    @property
    def seconds_spent(self) -> float | None:
        if self.run.started_at and self.run.completed_at:
            return (self.run.completed_at - self.run.started_at).total_seconds()
        return None


def rows(runs: Sequence[Run]) -> list[Row]:
    sketches = series.sketches(runs, most=SPARK_POINTS)
    places, next_free = _queue(runs)
    return [
        Row(
            run=run,
            spark=_spark(run, sketches),
            position=places.get(run.pk),
            starts_at=next_free if places.get(run.pk) == 1 else None,
        )
        for run in runs
    ]


def _spark(run: Run, sketches: dict[int, list[MetricPoint]]) -> str:
    points = sketches[run.pk]
    losses = [series.finite(point.values.get("loss")) for point in points]
    return charts.path([point.step for point in points], losses, SPARK_WIDTH, SPARK_HEIGHT)


def _queue(runs: Sequence[Run]) -> tuple[dict[int, int], datetime | None]:
    """Place in the queue by key, and when the next device is free; nothing is asked when none of these runs waits."""
    if not any(run.status == RunStatus.QUEUED for run in runs):
        return {}, None
    places = {pk: place for place, pk in enumerate(Run.objects.alive().queued().values_list("pk", flat=True), start=1)}
    ending = Run.objects.active().filter(estimated_end_at__isnull=False).order_by("estimated_end_at")
    return places, ending.values_list("estimated_end_at", flat=True).first()
