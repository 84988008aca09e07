"""Work that tasks follow in turn: a row waits, is held by whoever has its token, and is taken over when that one goes silent.

The database is the truth: a message that is lost, late or doubled changes nothing. A task follows for a spell and names its
successor; `reap`, which beat calls, sees to what nobody follows.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.utils import timezone

from runs.models.leased import Leased
from runs.services.nudge import after_commit

SPELL, LOOK = 50.0, 0.25  # seconds of one task, and between two looks of it
WAITING, RUNNING = "waiting", "running"  # stages of whatever is leased

Row = TypeVar("Row", bound=Leased)


@dataclass(frozen=True)
class Lease(Generic[Row]):
    """How the rows of one model are held. Their `task` is sent a row's key, and a token where it has been won already."""

    model: type[Row]
    task: str
    stage: str = "stage"  # the field that says waiting, running, or how it ended
    since: str = "asked_at"  # who has waited longest is next
    silent: float = 30  # seconds without a heartbeat after which a holder is taken for dead

    def waiting(self) -> QuerySet[Row]:
        return self.model._default_manager.filter(**{self.stage: WAITING}).order_by(self.since)

    def running(self) -> QuerySet[Row]:
        return self.model._default_manager.filter(**{self.stage: RUNNING})

    def held(self, pk: int, token: str) -> QuerySet[Row]:
        """The row, if this token still holds it."""
        return self.running().filter(pk=pk, lease_token=token)

    def claim(self, pk: int, **known: Any) -> str:
        """The token of a row that waits, or nothing: of several who ask one wins."""
        token = secrets.token_hex(16)
        change = {self.stage: RUNNING, "lease_token": token, "lease_heartbeat": timezone.now(), **known}
        return token if self.model._default_manager.filter(pk=pk, **{self.stage: WAITING}).update(**change) else ""

    def renew(self, pk: int, token: str, **known: Any) -> bool:
        """Say that its holder is there, and what it knows; False when it is held no longer."""
        return bool(self.held(pk, token).update(lease_heartbeat=timezone.now(), **known))

    def follow(self, pk: int, token: str, look: Callable[[Row], bool], stopping: Callable[[], bool]) -> str:
        """One spell: look until `look` says that it is over. The token with which a successor goes on, or nothing."""
        until = time.monotonic() + SPELL
        while token and self.renew(pk, token) and (found := self.held(pk, token).first()) is not None:
            if look(found):
                return ""
            if stopping() or time.monotonic() > until:
                return token
            time.sleep(LOOK)
        return ""

    def next(self, most: int = 1) -> None:
        """Nudge those that have waited longest."""
        for pk in self.waiting().values_list("pk", flat=True)[:most]:
            after_commit(self.task, pk, "")

    def reap(self, most: int = 1) -> None:
        """What nudges should have done, and may not have: take over silent ones, start waiting ones."""
        for found in self.running().filter(lease_heartbeat__lt=timezone.now() - timedelta(seconds=self.silent)):
            token = secrets.token_hex(16)
            if self.renew(found.pk, found.lease_token, lease_token=token):
                after_commit(self.task, found.pk, token)
        self.next(most)
