"""What people made in MLflow through our door, and so may see and change there. What our runs left is known from the runs."""

from typing import Self

from django.db import models
from django.utils import timezone

from runs.models.user import User


class RecordKind(models.TextChoices):
    EXPERIMENT = "experiment"
    RUN = "run"
    LOGGED_MODEL = "logged_model"
    MODEL = "model"
    VERSION = "version"


class RecordQuerySet(models.QuerySet["Record"]):
    def of(self, user: User, kind: str) -> Self:
        """Admins see everybody's."""
        return self.filter(kind=kind) if user.is_admin else self.filter(kind=kind, owner=user)


class Record(models.Model):
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="records")
    kind = models.CharField(max_length=16, choices=RecordKind.choices)
    key = models.CharField(max_length=300, help_text="MLflow's id; for a model its name, for a version <name>/<number>")
    parent = models.CharField(max_length=300, blank=True, help_text="The experiment of a run; the name of a version's model")
    created_at = models.DateTimeField(default=timezone.now)

    objects = RecordQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="record_once")]
        indexes = [models.Index(fields=["kind", "parent"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
