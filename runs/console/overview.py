"""What needs an admin's attention, for the front page."""

import shutil
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, Run, RunStatus
from runs.models.audit import Outcome
from runs.models.status import LEASED, WAITING
from runs.services.checks import weights_are_here
from runs.services.signins import FAILED

FAILING_DAYS = 7
NEAR_DAYS = 90
DISK_LOW = 0.1  # share of the disk that is free when the figure turns into a warning


@dataclass(frozen=True)
class Disk:
    total: int
    free: int

    @property
    def is_low(self) -> bool:
        return self.free < self.total * DISK_LOW


@dataclass(frozen=True)
class Overview:
    leaving: list[BaseModel]
    without_weights: list[BaseModel]
    failed: list[Run]
    failed_count: int
    running: int
    waiting: int
    longest_waiting: Run | None
    disk: Disk
    failed_logins: int
    refused: int
    audit: list[AuditEntry]


def overview() -> Overview:
    now = timezone.now()
    failed = Run.objects.alive().filter(status=RunStatus.FAILED, completed_at__gte=now - timedelta(days=FAILING_DAYS))
    offered = BaseModel.objects.offered().select_related("replacement")
    near = offered.filter(retires_on__lte=timezone.localdate() + timedelta(days=NEAR_DAYS))
    active = Count("runs", filter=Q(runs__status__in=WAITING | LEASED))
    lately = AuditEntry.objects.filter(time__gte=now - timedelta(days=1))
    usage = shutil.disk_usage(settings.DATA_DIR)
    return Overview(
        leaving=list(near.annotate(active_runs=active).order_by("retires_on")),
        without_weights=[model for model in offered if not weights_are_here(model)],
        failed=list(failed.select_related("owner", "base_model").order_by("-completed_at")[:5]),
        failed_count=failed.count(),
        running=Run.objects.filter(status__in=LEASED).count(),
        waiting=Run.objects.filter(status__in=WAITING).count(),
        longest_waiting=Run.objects.filter(status__in=WAITING).order_by("created_at").first(),
        disk=Disk(usage.total, usage.free),
        failed_logins=lately.filter(action=FAILED).count(),
        refused=lately.filter(outcome=Outcome.REFUSED).count(),
        audit=list(AuditEntry.objects.select_related("who")[:10]),
    )
