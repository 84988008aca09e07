"""What needs an admin's attention, for the front page."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, Run, RunStatus, User
from runs.models.audit import Outcome
from runs.models.status import LEASED, WAITING
from runs.services import factors
from runs.services.checks import weights_are_here
from runs.services.permissions import OPERATIONS
from runs.services.signins import FAILED

FAILING_DAYS = 7
NEAR_DAYS = 90
SOON_DAYS = 30  # a date nearer than this carries a mark
MANY_FAILED = 10  # log-ins in a day, from which on the figure turns into a warning
DISK_LOW = 0.1  # share of the disk that is free when the figure turns into a warning
SHOWN = 5


@dataclass(frozen=True)
class Disk:
    total: int
    free: int

    @property
    def is_low(self) -> bool:
        return self.free < self.total * DISK_LOW


@dataclass(frozen=True)
class Leaving:
    """A base model near its last day."""

    model: BaseModel
    on: date
    active_runs: int
    days: int

    @property
    def is_soon(self) -> bool:
        return self.days <= SOON_DAYS


@dataclass(frozen=True)
class Refusal:
    """The attempts of one kind that were refused."""

    action: str
    times: int
    last: datetime
    people: str

    @property
    def title(self) -> str:
        if self.action == FAILED:
            return "Log in"
        operation = OPERATIONS.get(self.action)
        return operation.title.capitalize() if operation else self.action


@dataclass(frozen=True)
class Overview:
    leaving: list[Leaving]
    without_weights: list[BaseModel]
    without_factor: list[User]  # admins whose password alone lets them in
    failed: list[Run]
    failed_count: int
    running: int
    waiting: int
    held: int  # of those that wait: for their owners, not for a device
    longest_waiting: Run | None
    disk: Disk
    failed_logins: int
    refused: int
    refusals: list[Refusal]
    audit: list[AuditEntry]

    @property
    def many_failed_logins(self) -> bool:
        return self.failed_logins >= MANY_FAILED

    @property
    def is_quiet(self) -> bool:
        return not (self.leaving or self.without_weights or self.without_factor or self.failed or self.refusals)


def overview() -> Overview:
    now = timezone.now()
    runs = Run.objects.alive()
    failed = runs.filter(status=RunStatus.FAILED, completed_at__gte=now - timedelta(days=FAILING_DAYS))
    lately = AuditEntry.objects.filter(time__gte=now - timedelta(days=1))
    refused = lately.filter(outcome=Outcome.REFUSED)
    usage = shutil.disk_usage(settings.DATA_DIR)
    return Overview(
        leaving=_leaving(),
        without_weights=[model for model in BaseModel.objects.offered() if not weights_are_here(model)],
        without_factor=list(factors.admins_without()),
        failed=list(failed.select_related("owner", "base_model").order_by("-completed_at")[:SHOWN]),
        failed_count=failed.count(),
        running=runs.filter(status__in=LEASED).count(),
        waiting=runs.filter(status__in=WAITING).count(),
        held=runs.filter(status__in=WAITING).exclude(held="").count(),
        longest_waiting=runs.filter(status__in=WAITING, held="").order_by("created_at").first(),
        disk=Disk(usage.total, usage.free),
        failed_logins=lately.filter(action=FAILED).count(),
        refused=refused.count(),
        refusals=_refusals(refused),
        audit=list(AuditEntry.objects.order_by("-time")[:12]),
    )


def _leaving() -> list[Leaving]:
    today = timezone.localdate()
    near = BaseModel.objects.offered().filter(retires_on__lte=today + timedelta(days=NEAR_DAYS)).select_related("replacement")
    active = Count("runs", filter=Q(runs__status__in=WAITING | LEASED))
    rows: Iterable[Any] = near.annotate(active_runs=active).order_by("retires_on")
    return [Leaving(model, model.retires_on, model.active_runs, (model.retires_on - today).days) for model in rows]


def _refusals(refused: QuerySet[AuditEntry]) -> list[Refusal]:
    kinds = refused.order_by().values("action").annotate(times=Count("pk"), last=Max("time")).order_by("-times")[:SHOWN]
    return [Refusal(kind["action"], kind["times"], kind["last"], _people(refused, kind["action"])) for kind in kinds]


def _people(refused: QuerySet[AuditEntry], action: str) -> str:
    names = list(refused.filter(action=action).order_by("name").values_list("name", flat=True).distinct())
    shown = [name or "an unknown name" for name in names[:SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
