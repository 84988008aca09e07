"""Webhooks: made, changed and removed by the person whose runs they tell about."""

import base64
import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from runs.models import Delivery, RunStatus, User, Webhook
from runs.models.webhook import DeliveryState
from runs.services import outbound
from runs.services.audit import record
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import CannotRetry, NotFound, Unfit

PREFIX = "whsec_"  # as Standard Webhooks has it
MOST = 20  # webhooks of one person


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


@transaction.atomic
def create(*, by: User, url: str, statuses: Sequence[RunStatus] = (), only_mine: bool = True) -> tuple[Webhook, str]:
    """Return the webhook and the secret that signs its messages, which is shown once."""
    require(by, "webhook.change")
    outbound.check(url)
    User.objects.select_for_update().get(pk=by.pk)  # two at once must not both be the twentieth
    if Webhook.objects.filter(owner=by).count() >= MOST:
        raise Unfit(f"You have {MOST} webhooks already. Delete one first.")
    secret = new_secret()
    webhook = Webhook.objects.create(owner=by, url=url, statuses=_each_once(statuses), only_mine=only_mine, secret=secret)
    record("webhook.create", webhook, by=by)
    return webhook, secret


def find(*, by: User, key: str) -> Webhook:
    """One's own; another person's is not there."""
    webhook = Webhook.objects.filter(owner=by, pk=key).first()
    if webhook is None:
        raise NotFound("You have no such webhook.")
    return webhook


@transaction.atomic
def change(*, webhook: Webhook, by: User, **fields: Any) -> Webhook:
    """Set url, statuses, only_mine or active, those that are given."""
    require(by, "webhook.change", webhook)
    if "url" in fields:
        outbound.check(fields["url"])
    if "statuses" in fields:
        fields["statuses"] = _each_once(fields["statuses"])
    for name, value in fields.items():
        setattr(webhook, name, value)
    webhook.save()
    record("webhook.change", webhook, by=by, fields=sorted(fields))
    return webhook


@transaction.atomic
def delete(*, webhook: Webhook, by: User) -> None:
    require(by, "webhook.change", webhook)
    record("webhook.delete", webhook, by=by)
    webhook.delete()


@transaction.atomic
def ping(*, webhook: Webhook, by: User) -> Delivery:
    """Send a message of type `ping`, to see whether it is taken."""
    require(by, "webhook.change", webhook)
    made = Delivery.objects.create(webhook=webhook, type="ping", payload={"type": "ping", "data": {"webhook": webhook.pk}})
    record("webhook.test", webhook, by=by)
    after_commit("runs.tasks.deliver")
    return made


@transaction.atomic
def retry(*, webhook: Webhook, by: User, key: UUID) -> Delivery:
    """Try a message again that was given up, from the beginning."""
    require(by, "webhook.change", webhook)
    delivery = webhook.deliveries.select_for_update().filter(pk=key).first()
    if delivery is None:
        raise NotFound("This webhook has no such delivery.")
    if delivery.state != DeliveryState.GIVEN_UP:
        raise CannotRetry("Only what was given up can be tried again.")
    delivery.state, delivery.attempts, delivery.due_at = DeliveryState.WAITING, 0, timezone.now()
    delivery.save()
    record("webhook.retry", webhook, by=by, delivery=str(delivery.pk))
    after_commit("runs.tasks.deliver")
    return delivery


def _each_once(statuses: Sequence[RunStatus]) -> list[str]:
    return [status.value for status in RunStatus if status in statuses]
