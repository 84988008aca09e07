"""What was once computed about rows, whoever asked: kept by the digest of the rows, not by data set."""

from django.db import models
from django.utils import timezone

from runs.data.measuring import Measure
from runs.models.leased import Leased


class State(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    READY = "ready", "Ready"
    REFUSED = "refused", "Refused"


class MeasurementQuerySet(models.QuerySet["Measurement"]):
    def unfinished(self) -> "MeasurementQuerySet":
        return self.filter(state__in=[State.WAITING, State.RUNNING])


class Measurement(Leased):
    """`against` is what rows were measured with: a tokenizer's fingerprint, other rows' digest, settings, a version."""

    measure = models.CharField(max_length=16, choices=[(one.value, one.value) for one in Measure])
    digest = models.CharField(max_length=80, help_text="sha256 of the canonical rows")
    task_type = models.CharField(max_length=32)
    against = models.CharField(max_length=200, blank=True)
    job = models.JSONField(help_text="runs.data.measuring.Job")
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    done = models.PositiveBigIntegerField(default=0, help_text="Rows")
    total = models.PositiveBigIntegerField(default=0, help_text="Rows")
    result = models.JSONField(null=True)
    reason = models.TextField(blank=True, help_text="Why it was refused, in words")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    objects = MeasurementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["measure", "digest", "task_type", "against"], name="measured_once"),
            models.CheckConstraint(
                condition=models.Q(state=State.READY, result__isnull=False) | ~models.Q(state=State.READY),
                name="measurement_ready_has_result",
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"])]

    def __str__(self) -> str:
        return f"{self.measure} of {self.digest[:19]}"

    @property
    def is_ready(self) -> bool:
        return self.state == State.READY

    @property
    def is_refused(self) -> bool:
        return self.state == State.REFUSED

    @property
    def share_done(self) -> float:
        """0 to 1, by rows."""
        return min(1.0, self.done / self.total) if self.total else 0.0
