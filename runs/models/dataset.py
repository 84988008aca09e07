"""Data sets: canonical rows on disk, found by the digest of their bytes."""

from django.db import models
from django.utils import timezone

from runs.contract.spec import TaskType
from runs.models.catalog import BaseModel
from runs.models.user import User
from runs.models.visibility import OwnedQuerySet, Visibility


class DataSetQuerySet(OwnedQuerySet["DataSet"]):
    def for_task(self, task: str) -> "DataSetQuerySet":
        return self.filter(task_type=task)


class DataSet(models.Model):
    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="datasets")
    visibility = models.CharField(max_length=16, choices=Visibility.choices, default=Visibility.TEAM)
    task_type = models.CharField(max_length=32, choices=[(task.value, task.value) for task in TaskType])
    source = models.CharField(max_length=1_000, help_text="Where the bytes came from: a file name or a volume path")
    digest = models.CharField(max_length=80, help_text="sha256 of the canonical rows")
    original = models.CharField(
        max_length=80, blank=True, help_text="sha256 of the file as it was sent, where that is kept too"
    )
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()
    report = models.JSONField(help_text="runs.data.validation.Report")
    created_at = models.DateTimeField(default=timezone.now)

    objects = DataSetQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name


class DataProfile(models.Model):
    """Token counts of a data set as one base model sees it at one context length; computed once."""

    dataset = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="profiles")
    base_model = models.ForeignKey(BaseModel, on_delete=models.CASCADE, related_name="profiles")
    context_length = models.PositiveIntegerField()
    profile = models.JSONField(help_text="runs.data.profile.Profile")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "base_model", "context_length"], name="profile_once_per_pair_and_length")
        ]

    def __str__(self) -> str:
        return f"{self.dataset} with {self.base_model}"
