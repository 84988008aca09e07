"""The weights of a base model on their way from the hub, or from a volume elsewhere."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs.models.catalog import BaseModel
from runs.models.leased import Leased


class Stage(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


class Download(Leased):
    """One per base model: asked for again after a failure, it goes on where it broke off; once stopped, it begins anew."""

    base_model = models.OneToOneField(BaseModel, on_delete=models.CASCADE, related_name="download")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sha = models.CharField(max_length=64, help_text="The commit at the hub; of a volume a digest of what is listed")
    files = models.JSONField(help_text="runs.catalog.stores.File")
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.WAITING)
    done = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    total = models.PositiveBigIntegerField(help_text="Bytes")
    reason = models.TextField(blank=True, help_text="Why it failed, in words")
    asked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"weights of {self.base_model}"

    @property
    def is_under_way(self) -> bool:
        return self.stage in (Stage.WAITING, Stage.RUNNING)

    @property
    def is_failed(self) -> bool:
        return self.stage == Stage.FAILED

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0
