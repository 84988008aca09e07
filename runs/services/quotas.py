"""What a person and their team may still use. Counted from the rows, under a lock, in the transaction that adds one more."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection, transaction

from runs.models import Quota, Team, User
from runs.services import spending
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid
from runs.services.spending import PROMISED


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
    parts: dict[str, int] = field(default_factory=dict)  # of storage: bytes, by what they are of

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


def may_start(user: User, size: int = 0) -> None:
    """Raise QuotaReached when one more run is too many, or the `size` bytes that it will keep. Call it in the transaction
    that makes the run.
    """
    _lock(user)
    for allowance in allowances(user):
        if allowance.left <= 0 or (allowance.key == "storage" and allowance.left < size):
            wanted = size if allowance.key == "storage" else 0
            raise QuotaReached(_sentence(allowance, wanted, "this run will keep, its registered copy included,"))


def may_keep(user: User, size: int = 0) -> None:
    """Raise QuotaReached when `size` bytes more are too many. Call it in the transaction that keeps them."""
    _lock(user)
    for allowance in allowances(user):
        if allowance.key == "storage" and (allowance.left < size or allowance.left <= 0):
            raise QuotaReached(_sentence(allowance, size), field="file")


def _sentence(allowance: Allowance, size: int = 0, why: str = "this needs") -> str:
    used, limit = (_shown(value, allowance.unit) for value in (allowance.used, allowance.limit))
    whose = "Your quota" if allowance.whose == "yours" else f"The quota {allowance.whose}"
    promised = allowance.parts.get(PROMISED, 0)
    runs = f" ({_shown(promised, allowance.unit)} of it {PROMISED})" if promised else ""
    more = f"{runs}, and {why} {_shown(size, allowance.unit)}" if size else runs
    advice = {
        "runs_at_once": "Wait until one has ended, or cancel one.",
        "device_hours": "It begins anew with the next month.",
        "storage": "Delete data sets or runs that are no longer needed.",
    }[allowance.key]
    return f"{whose} for {allowance.title} is reached: {used} of {limit} are used{more}. {advice} An admin can raise it."


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        for size, name in ((1e9, "GB"), (1e6, "MB")):
            if value >= size:
                return f"{value / size:,.2f} {name}"
        return f"{value / 1e3:.0f} kB"
    return f"{value:,.1f} h" if unit == "hours" else f"{value:,.0f}"


def _used(quota: Quota, of: User | Team, whose: str) -> Iterator[Allowance]:
    if quota.runs_at_once is not None:
        active = spending.runs_at_once(of)
        yield Allowance("runs_at_once", "runs at once", whose, active, quota.runs_at_once, "runs")
    if quota.device_hours is not None:
        hours = spending.device_hours(of)
        yield Allowance("device_hours", "device hours this month", whose, hours, quota.device_hours, "hours")
    if quota.storage is not None:
        kept = spending.storage(of)
        yield Allowance("storage", "storage", whose, kept.total, quota.storage, "bytes", kept.parts)


def _lock(user: User) -> None:
    """Of two that would each be the last to fit, one waits for the other. The team's comes first, so that nobody deadlocks."""
    names = ([f"quota of team {user.team_id}"] if user.team_id else []) + [f"quota of person {user.pk}"]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
