"""A run that is still being written down in the wizard. Knows what was typed, not whether it is right."""

import secrets

from django.db import models
from django.utils import timezone

from runs.models.user import User


def new_key() -> str:
    """Names the draft in its URLs, and is the idempotency key of the run that it becomes."""
    return secrets.token_hex(8)


class DraftQuerySet(models.QuerySet["Draft"]):
    def unfinished(self, user: User) -> "DraftQuerySet":
        return self.filter(owner=user, run__isnull=True)


class Draft(models.Model):
    key = models.SlugField(max_length=32, unique=True, default=new_key)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    values = models.JSONField(
        default=dict, help_text="Fields of contract.request.RunRequest as typed; what is absent has its default"
    )
    run = models.ForeignKey("runs.Run", null=True, on_delete=models.SET_NULL, related_name="drafts")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at",)

    def __str__(self) -> str:
        return f"{self.values.get('model', 'no model yet')} by {self.owner}"
