"""What the doors for programs remember of a caller: how many requests are left, and what was answered to a key."""

from django.db import models
from django.utils import timezone

from runs.models.sealed import SealedField
from runs.models.user import User


class Allowance(models.Model):
    """A bucket of requests that fills up again with time; one row for each token or session in use.

    The table is unlogged: after a crash of PostgreSQL everybody starts with a full bucket, and no request waits for a disk.
    """

    caller = models.CharField(max_length=64, primary_key=True)
    level = models.FloatField(help_text="Requests left at `time`")
    granted = models.BooleanField(help_text="Whether the last request found one left")
    time = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.caller}: {self.level:.0f}"


class KeptAnswer(models.Model):
    """The answer to a create that came with an Idempotency-Key."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="kept_answers")
    operation = models.CharField(max_length=50)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, blank=True, help_text="sha256 of what was asked for")
    status = models.PositiveSmallIntegerField(default=0)
    body = SealedField(default="", help_text="JSON; it may hold a secret that is shown once")
    location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "operation", "key"], name="answer_once_per_key")]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class Refusals(models.Model):
    """How many writes were refused in one minute to people without an account, from one address or (empty) from all."""

    address = models.CharField(max_length=64, blank=True)
    minute = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    unlisted = models.PositiveIntegerField(default=0, help_text="Those that have no entry of their own in the audit log")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address", "minute"], name="refusals_counted_once")]

    def __str__(self) -> str:
        return f"{self.count} in {self.minute:%H:%M}"
