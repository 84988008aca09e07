"""What a person or a team uses: runs at once, device hours of this month, storage. Added up from rows, and kept nowhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model, QuerySet, Sum
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import Checkpoint, DataSet, ModelVersion, Run, RunEvent, Team, User
from runs.models.status import ACTIVE

HOUR = 3_600.0  # seconds
MOVES = (EventType.STARTED, EventType.PAUSED, EventType.REQUEUED)  # onto devices, and off them

Whose = dict[str, User] | dict[str, Team]


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes, by what they are of. Base models and files in volumes belong to all, and are nobody's."""

    data: int
    runs: int
    registered: int

    @property
    def total(self) -> int:
        return self.data + self.runs + self.registered

    @property
    def parts(self) -> dict[str, int]:
        return {"data sets": self.data, "runs": self.runs, "registered models": self.registered}


@dataclass(frozen=True, slots=True)
class Spending:
    """All of it, for those who decide on limits."""

    runs_at_once: int
    device_hours: float
    storage: Storage


def spending(of: User | Team) -> Spending:
    return Spending(runs_at_once(of), device_hours(of), storage(of))


def runs_at_once(of: User | Team) -> int:
    return Run.objects.alive().filter(status__in=ACTIVE, **_mine(of)).count()


def storage(of: User | Team) -> Storage:
    """Folders of deleted runs are gone; versions that were registered from them are not."""
    mine = _mine(of)
    inside = {f"run__{key}": value for key, value in mine.items()}
    kept = Checkpoint.objects.filter(deleted_at=None, run__deleted_at=None, **inside)
    return Storage(
        data=_sum(DataSet.objects.filter(**mine)),
        runs=_sum(Run.objects.alive().filter(**mine)) + _sum(kept),
        registered=_sum(ModelVersion.objects.filter(**inside)),
    )


def _sum(rows: QuerySet[Model]) -> int:
    return int(rows.aggregate(total=Sum("bytes"))["total"] or 0)


def _mine(of: User | Team) -> Whose:
    return {"owner": of} if isinstance(of, User) else {"team": of}


def device_hours(of: User | Team) -> float:
    """Of this calendar month, in the installation's time zone. A deleted run has used its devices all the same; one that is
    paused or waits for another engine uses none.
    """
    now = timezone.localtime()
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = Run.objects.filter(started_at__isnull=False, **_mine(of)).exclude(completed_at__lt=begin)
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
