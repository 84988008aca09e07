"""Status changes to messages, messages to webhooks: signed, tried again with growing pauses, given up in the end.

The tables are the truth: a task that dies, or runs twice, loses nothing and sends at most one message again, under the same id.
Signatures are those of Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`.
"""

import base64
import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from runs.models import Delivery, Run, StatusChange, Webhook
from runs.models.sealed import CannotOpen
from runs.models.webhook import DeliveryState
from runs.services import outbound
from runs.services.outbound import Heard, Unreachable

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1_800, 7_200, 28_800))  # after each attempt but the last
LEASE = timedelta(seconds=60)  # longer than an attempt takes: who has claimed a delivery and died loses it again
AT_ONCE = 8
BATCH = 40  # deliveries of one task
KEPT = timedelta(days=30)
GONE = 410  # the receiver says that it wants no more


def deliver() -> int:
    """Fan out what has changed and try what is due; the number of messages that were tried."""
    while fan_out():
        pass
    claimed = _claim()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        heard = [*threads.map(_send, claimed)]
    for delivery, answer in zip(claimed, heard, strict=True):
        _note(delivery, answer)
    return len(claimed)


@transaction.atomic
def fan_out() -> int:
    """A message for each change and each webhook that wants it; the changes are gone then. The number of changes."""
    changes = [*StatusChange.objects.select_for_update(skip_locked=True).order_by("pk")[:500]]
    runs = {run.pk: run for run in Run.objects.for_page().filter(pk__in={change.run_id for change in changes})}
    webhooks = [*Webhook.objects.filter(active=True, owner__is_active=True).select_related("owner")]
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, type=f"run.{change.status.lower()}", payload=_payload(runs[change.run_id], change))
        for change in changes
        for webhook in webhooks
        if _wants(webhook, runs[change.run_id], change)
    )
    StatusChange.objects.filter(pk__in=[change.pk for change in changes]).delete()
    return len(changes)


def _wants(webhook: Webhook, run: Run, change: StatusChange) -> bool:
    if webhook.statuses and change.status not in webhook.statuses:
        return False
    if webhook.only_mine or run.owner_id == webhook.owner_id:
        return run.owner_id == webhook.owner_id
    return Run.objects.visible_to(webhook.owner).filter(pk=run.pk).exists()


def _payload(run: Run, change: StatusChange) -> dict[str, Any]:
    """The status is the one it changed to; the run is as it stands when the message is made."""
    return {
        "type": f"run.{change.status.lower()}",
        "timestamp": change.time.isoformat(),
        "data": {
            "run": run.name,
            "status": change.status,
            "details": run.details,
            "owner": run.owner.username,
            "model": run.base_model.name,
            "dataset": run.dataset.name if run.dataset else None,
            "register_to": run.register_to,
            "step": run.step,
            "total_steps": run.total_steps,
            "last_loss": run.last_loss,
        },
    }


@transaction.atomic
def _claim() -> list[Delivery]:
    now = timezone.now()
    due = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=now).select_related("webhook").order_by("due_at")
    claimed = [*due.select_for_update(skip_locked=True, of=("self",))[:BATCH]]
    for delivery in claimed:
        delivery.attempts, delivery.due_at = delivery.attempts + 1, now + LEASE
        delivery.save(update_fields=["attempts", "due_at"])
    return claimed


def _send(delivery: Delivery) -> Heard | Unreachable:
    """One attempt. In a thread of its own, so it touches no database."""
    try:
        secret = delivery.webhook.secret.open()
        body = orjson.dumps(delivery.payload)
        return outbound.post(delivery.webhook.url, body, signed(secret, str(delivery.pk), int(time.time()), body))
    except CannotOpen as error:
        return Unreachable(str(error))
    except Unreachable as error:
        return error


def signed(secret: str, key: str, moment: int, body: bytes) -> dict[str, str]:
    """The headers of a message; `moment` is Unix time in seconds, so that a receiver can refuse what is old."""
    sealed = hmac.new(base64.b64decode(secret.partition("_")[2]), f"{key}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(sealed).decode()}",
    }


@transaction.atomic
def _note(delivery: Delivery, heard: Heard | Unreachable) -> None:
    """Write down what came of an attempt, and when the next one is."""
    now = timezone.now()
    if isinstance(heard, Heard):
        delivery.answer_status, delivery.answer = heard.status, heard.text[:500]
    else:
        delivery.answer_status, delivery.answer = None, str(heard)[:500]
    if isinstance(heard, Heard) and 200 <= heard.status < 300:
        delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, now
    elif delivery.answer_status == GONE or delivery.attempts > len(PAUSES):
        delivery.state = DeliveryState.GIVEN_UP
    else:
        delivery.due_at = now + PAUSES[delivery.attempts - 1]
    if delivery.answer_status == GONE:
        Webhook.objects.filter(pk=delivery.webhook_id).update(active=False)
    if Webhook.objects.filter(pk=delivery.webhook_id).exists():  # it may have been deleted meanwhile
        delivery.save()


def forget() -> int:
    """Delete messages that are older than they are kept; the number of them."""
    return Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
