"""What a person and their team may still use. Counted from the rows, under a lock, in the transaction that adds one more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import Checkpoint, DataSet, Quota, Run, RunEvent, Team, User
from runs.models.status import ACTIVE
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid

HOUR = 3_600.0  # seconds
MOVES = (EventType.STARTED, EventType.PAUSED, EventType.REQUEUED)  # onto devices, and off them


class QuotaReached(Invalid):
    code = "quota_reached"


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit and how much of it is used."""

    key: str
    title: str
    whose: str  # "yours", or the team's name
    used: float
    limit: float
    unit: str

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.used)


@transaction.atomic
def set_quota(*, quota: Quota, by: User) -> Quota:
    require(by, "person.change")
    quota.save()
    record(
        "quota.set", quota, by=by,
        after={name: getattr(quota, name) for name in ("runs_at_once", "device_hours", "storage")},
    )  # fmt: skip
    return quota


@transaction.atomic
def remove_quota(*, quota: Quota, by: User) -> None:
    require(by, "person.change")
    record("quota.remove", quota, by=by)
    quota.delete()


def allowances(user: User) -> list[Allowance]:
    """Every limit that holds for this person, their own before their team's."""
    own = Quota.objects.filter(person=user).first() or Quota.objects.filter(person=None, team=None).first()
    of_team = Quota.objects.filter(team=user.team).first() if user.team else None
    found = list(_used(own, user, "yours")) if own else []
    return [*found, *_used(of_team, user.team, f"of the team {user.team}")] if of_team and user.team else found


def may_start(user: User) -> None:
    """Raise QuotaReached when one more run is too many. Call it in the transaction that makes the run."""
    _lock(user)
    for allowance in allowances(user):
        if allowance.key in ("runs_at_once", "device_hours") and allowance.left <= 0:
            raise QuotaReached(_sentence(allowance))


def may_keep(user: User, size: int = 0) -> None:
    """Raise QuotaReached when `size` bytes more are too many. Call it in the transaction that keeps them."""
    _lock(user)
    for allowance in allowances(user):
        if allowance.key == "storage" and (allowance.left < size or allowance.left <= 0):
            raise QuotaReached(_sentence(allowance, size), field="file")


def _sentence(allowance: Allowance, size: int = 0) -> str:
    used, limit = (_shown(value, allowance.unit) for value in (allowance.used, allowance.limit))
    whose = "Your quota" if allowance.whose == "yours" else f"The quota {allowance.whose}"
    more = f", and this needs {_shown(size, allowance.unit)}" if size else ""
    advice = {
        "runs_at_once": "Wait until one has ended, or cancel one.",
        "device_hours": "It begins anew with the next month.",
        "storage": "Delete data sets or runs that are no longer needed.",
    }[allowance.key]
    return f"{whose} for {allowance.title} is reached: {used} of {limit} are used{more}. {advice} An admin can raise it."


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 1e9:,.2f} GB" if value >= 1e7 else f"{value / 1e3:,.0f} kB"
    return f"{value:,.1f} h" if unit == "hours" else f"{value:,.0f}"


def _used(quota: Quota, of: User | Team, whose: str) -> Iterator[Allowance]:
    mine = {"owner": of} if isinstance(of, User) else {"team": of}
    if quota.runs_at_once is not None:
        active = Run.objects.alive().filter(status__in=ACTIVE, **mine).count()
        yield Allowance("runs_at_once", "runs at once", whose, active, quota.runs_at_once, "runs")
    if quota.device_hours is not None:
        yield Allowance("device_hours", "device hours this month", whose, _hours(mine), quota.device_hours, "hours")
    if quota.storage is not None:
        yield Allowance("storage", "storage", whose, _bytes(mine), quota.storage, "bytes")


def _hours(mine: dict[str, User] | dict[str, Team]) -> float:
    """Of this calendar month, in the installation's time zone. A deleted run has used its devices all the same; one that is
    paused or waits for another engine uses none.
    """
    now = timezone.localtime()
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = Run.objects.filter(started_at__isnull=False, **mine).exclude(completed_at__lt=begin)
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


def _bytes(mine: dict[str, User] | dict[str, Team]) -> int:
    data = DataSet.objects.filter(**mine).aggregate(total=Sum("bytes"))["total"] or 0
    kept = Checkpoint.objects.filter(
        deleted_at=None, run__deleted_at=None, **{f"run__{key}": value for key, value in mine.items()}
    )
    return int(data) + int(kept.aggregate(total=Sum("bytes"))["total"] or 0)


def _lock(user: User) -> None:
    """Of two that would each be the last to fit, one waits for the other. The team's comes first, so that nobody deadlocks."""
    names = ([f"quota of team {user.team_id}"] if user.team_id else []) + [f"quota of person {user.pk}"]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
