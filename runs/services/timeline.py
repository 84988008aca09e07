"""Entries of a run's timeline, and the nudge that tells live pages to look."""

import json
from datetime import datetime

from django.db import connection
from django.utils import timezone

from runs.contract.events import EventType
from runs.models import Run, RunEvent

CHANNEL = "runs"  # PostgreSQL NOTIFY channel; the payload is {"run": <pk>}, sent when the transaction commits

SINGLE = frozenset(
    {
        EventType.CREATED,
        EventType.STARTED,
        EventType.DATA_VALIDATED,
        EventType.MODEL_INITIALIZED,
        EventType.TRAIN_STARTED,
        EventType.TRAIN_FINISHED,
        EventType.COMPLETED,
        EventType.STOPPED,
        EventType.CANCELED,
        EventType.FAILED,
    }
)


def tell(run: Run) -> None:
    """Wake the pages that watch this run or the list of runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps({"run": run.pk})])


def add(run: Run, event: EventType, message: str, *, time: datetime | None = None) -> None:
    """Add an entry. What can happen only once is kept once, however often a resumed engine says it."""
    time = time or timezone.now()
    if event == EventType.TRAIN_UPDATED:
        RunEvent.objects.update_or_create(run=run, type=event, defaults={"message": message, "time": time})
    elif event in SINGLE:
        RunEvent.objects.get_or_create(run=run, type=event, defaults={"message": message, "time": time})
    else:
        RunEvent.objects.create(run=run, type=event, message=message, time=time)
    tell(run)
