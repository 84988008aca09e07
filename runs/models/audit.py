"""Who did what. Rows are added and never changed."""

from django.db import models
from django.utils import timezone

from runs.models.user import User


class AuditEntry(models.Model):
    time = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="audit_entries")
    action = models.CharField(max_length=50, db_index=True, help_text="As in run.cancel")
    target = models.CharField(max_length=255)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-time", "-pk")
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.who} {self.action} {self.target}"
