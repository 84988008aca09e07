"""Device hours of this month: the time in which an engine had a run, for each of its devices."""

from datetime import datetime, timedelta

from django.utils import timezone

from runs.contract.events import EventType
from runs.models import Run, RunEvent
from runs.models.run import RunQuerySet

HOUR = 3_600.0  # seconds
MOVES = (EventType.STARTED, EventType.PAUSED, EventType.REQUEUED)  # onto devices, and off them


def this_month(runs: RunQuerySet) -> float:
    """Of this calendar month, in the installation's time zone. A run that is paused or waits for another engine uses none."""
    now = timezone.localtime()
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = runs.filter(started_at__isnull=False).exclude(completed_at__lt=begin)
    told: dict[int, list[tuple[str, datetime]]] = {run.pk: [] for run in rows}
    for pk, kind, time in (
        RunEvent.objects.filter(run__in=told, type__in=MOVES).order_by("time", "pk").values_list("run", "type", "time")
    ):
        told[pk].append((kind, time))
    return sum(_worked(run, told[run.pk], begin, now) * (len(run.device_indices) or 1) for run in rows) / HOUR


def _worked(run: Run, told: list[tuple[str, datetime]], begin: datetime, now: datetime) -> float:
    """Seconds since `begin` in which an engine had the run."""
    seconds, since = 0.0, run.started_at
    for kind, time in told:
        if kind == EventType.STARTED:
            since = since or time
        elif since:
            seconds, since = seconds + _positive(time - max(since, begin)), None
    return seconds + (_positive((run.completed_at or now) - max(since, begin)) if since else 0.0)


def _positive(span: timedelta) -> float:
    return max(0.0, span.total_seconds())
