"""Metric points: one row a step, with everything the engine said about it.

A row is replaced, never added to, when an interrupted engine says a step again.
"""

from typing import Self

from django.db import models


class MetricKind(models.TextChoices):
    TRAIN = "train"
    EVAL = "eval"


class MetricQuerySet(models.QuerySet["MetricPoint"]):
    def train(self) -> Self:
        return self.filter(kind=MetricKind.TRAIN)

    def evaluation(self) -> Self:
        return self.filter(kind=MetricKind.EVAL)

    def after(self, pk: int) -> Self:
        """Points written after point `pk`, oldest first: a cursor for streams and mirrors."""
        return self.filter(pk__gt=pk).order_by("pk")


class MetricPoint(models.Model):
    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="points")
    kind = models.CharField(max_length=8, choices=MetricKind.choices)
    step = models.PositiveIntegerField()
    epoch = models.FloatField()
    tokens = models.PositiveBigIntegerField()
    time = models.DateTimeField()
    values = models.JSONField(
        help_text="loss, learning_rate, gradient_norm, tokens_per_second, ... by the names of contract.events"
    )

    objects = MetricQuerySet.as_manager()

    class Meta:
        ordering = ("step",)
        constraints = [models.UniqueConstraint(fields=["run", "kind", "step"], name="metric_point_once_per_step")]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}: {self.values.get('loss')}"
