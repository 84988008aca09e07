"""Webhooks: where status changes are told, what is still to be told, and what came of it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from runs.models.sealed import SealedField
from runs.models.status import RunStatus
from runs.models.user import User


class Webhook(models.Model):
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=1_000)
    statuses = ArrayField(models.CharField(max_length=16, choices=RunStatus.choices), default=list, help_text="Empty: all")
    only_mine = models.BooleanField(default=True, help_text="Not those of others that the owner sees")
    secret = SealedField()
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.url


class StatusChange(models.Model):
    """Written by a trigger of PostgreSQL whenever a run's status changes, whoever changes it; gone once it is told on."""

    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16)
    time = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.run_id} {self.status}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class Delivery(models.Model):
    """A message to one webhook, tried until it is taken or has been tried often enough."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    type = models.CharField(max_length=50, help_text="As in run.completed")
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    answer_status = models.PositiveSmallIntegerField(null=True, help_text="HTTP's, of the last attempt")
    answer = models.CharField(max_length=500, blank=True, help_text="Its beginning, or why there was none")

    class Meta:
        ordering = ("-created_at", "-pk")
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.type} to {self.webhook}"
