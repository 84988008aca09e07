"""Data sets: canonical rows on disk, found by the digest of their bytes."""

from django.db import models
from django.utils import timezone

from runs.contract.spec import TaskType
from runs.models.visibility import Owned, OwnedQuerySet


class DataSetQuerySet(OwnedQuerySet["DataSet"]):
    def for_task(self, task: str) -> "DataSetQuerySet":
        return self.filter(task_type=task)

    def versions_of(self, dataset: "DataSet") -> "DataSetQuerySet":
        """Other reads of the same source by the same person: an upload of that name again, another version of a table.

        What a remedy made of rows is no version of their source.
        """
        if dataset.derivation:
            return self.none()
        place = dataset.source.partition("@")[0]
        same = models.Q(source=place) | models.Q(source__startswith=f"{place}@")
        return self.filter(same, owner=dataset.owner, task_type=dataset.task_type, derivation={}).exclude(pk=dataset.pk)


class DataSet(Owned):
    name = models.CharField(max_length=100, unique=True)
    task_type = models.CharField(max_length=32, choices=[(task.value, task.value) for task in TaskType])
    source = models.CharField(max_length=1_000, help_text="Where the bytes came from: a file name or a volume path")
    digest = models.CharField(max_length=80, help_text="sha256 of the canonical rows")
    original = models.CharField(
        max_length=80, blank=True, help_text="sha256 of the file as it was sent, where that is kept too"
    )
    original_bytes = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()
    report = models.JSONField(help_text="runs.data.validation.Report")
    derived_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="derived_into")
    derivation = models.JSONField(
        default=dict, blank=True, help_text="How it was made from other rows: remedy, their name and digest, rows changed"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = DataSetQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name

    @property
    def mapping(self) -> str | None:
        """The foreign shape that the rows were converted from, as it was confirmed."""
        found = self.report.get("mapping")
        return str(found) if found else None

    @property
    def source_version(self) -> str:
        """The version of a table or of a hub's split that was read; empty where sources have none."""
        return self.source.partition("@")[2] if "/" in self.source or self.source.count(".") >= 2 else ""
