"""The timeline of a run."""

from django.db import models

from runs.contract.events import EventType


class RunEvent(models.Model):
    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="events")
    type = models.CharField(max_length=24, choices=[(t.value, t.value) for t in EventType])
    time = models.DateTimeField()
    message = models.TextField()

    class Meta:
        ordering = ("time", "pk")
        indexes = [models.Index(fields=["run", "time"])]

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"
