"""Secrets by name: of the whole installation, or of one person, whose own comes first."""

from django.db import models
from django.utils import timezone

from runs.models.sealed import SealedField
from runs.models.user import User


class Secret(models.Model):
    name = models.SlugField(max_length=50)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="secrets")
    value = SealedField()
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["name", "owner"], nulls_distinct=False, name="secret_once_per_owner")]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner or 'this installation'}"
