"""How much a person or a team may use. A row of nobody's counts for every person who has none of their own."""

from django.db import models
from django.db.models import Q

from runs.models.user import Team, User


class Quota(models.Model):
    """What is empty is not limited."""

    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="quotas")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="quotas")
    runs_at_once = models.PositiveIntegerField(null=True, blank=True, help_text="Waiting, training and paused ones together")
    device_hours = models.PositiveIntegerField(
        "device hours a month", null=True, blank=True, help_text="From a run's first start to its end, for each of its devices"
    )
    storage = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes of data sets, run folders with their checkpoints, and registered models"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "team"], nulls_distinct=False, name="quota_once"),
            models.CheckConstraint(condition=Q(person__isnull=True) | Q(team__isnull=True), name="quota_of_person_or_team"),
        ]

    def __str__(self) -> str:
        return f"quota of {self.person or self.team or 'everybody without one'}"
