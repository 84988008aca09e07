"""Real steps that were, are or will be measured for a run's settings, before there is a run. Kept for whoever asks next."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs.contract.probe import Probe
from runs.models.catalog import BaseModel
from runs.models.leased import Leased


class Stage(models.TextChoices):
    WAITING = "waiting", "Waiting for a free device"
    RUNNING = "running", "Measuring"
    READY = "ready", "Measured"
    FAILED = "failed", "Not measured"


class ProbingQuerySet(models.QuerySet["Probing"]):
    def unfinished(self) -> "ProbingQuerySet":
        return self.filter(stage__in=[Stage.WAITING, Stage.RUNNING])


class Probing(Leased):
    """`key` is a digest of all that the costs depend on: model, rows, method, lengths, device. Not a run's length or rates."""

    key = models.CharField(max_length=64, unique=True)
    base_model = models.ForeignKey(BaseModel, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    spec = models.JSONField(help_text="runs.contract.spec.RunSpec")
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.WAITING)
    doing = models.CharField(max_length=200, blank=True, help_text="What it is at, in words")
    result = models.JSONField(null=True, help_text="runs.contract.probe.Probe")
    fault = models.CharField(max_length=16, blank=True, help_text="runs.contract.events.Fault, or `slow`")
    reason = models.TextField(blank=True, help_text="Why it failed, in words")
    note = models.TextField(blank=True, help_text="What the engine had to change to take the steps")
    lease_node = models.CharField(max_length=300, blank=True)
    device_kind = models.CharField(max_length=8, blank=True)
    device_index = models.PositiveSmallIntegerField(null=True)
    asked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = ProbingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(stage=Stage.READY, result__isnull=False) | ~models.Q(stage=Stage.READY),
                name="probing_ready_has_result",
            ),
        ]
        indexes = [models.Index(fields=["stage", "asked_at"])]

    def __str__(self) -> str:
        return f"probe of {self.base_model}"

    @property
    def is_under_way(self) -> bool:
        return self.stage in (Stage.WAITING, Stage.RUNNING)

    @property
    def is_ready(self) -> bool:
        return self.stage == Stage.READY

    @property
    def is_failed(self) -> bool:
        return self.stage == Stage.FAILED

    @property
    def found(self) -> Probe | None:
        return Probe.model_validate(self.result) if self.result else None

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.spec["hyperparameters"])
