"""Who did what, or tried to. Rows are added and never changed: the database refuses it, and a chain of digests shows it.

At the end of its transaction each entry gets the next number and a hash over number, the hash before and its own digest (see
the migration `audit_chain` and runs.models.digest). The digest is keyed, so that nobody
who has only the database can make one.
"""

from functools import reduce
from operator import or_
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.user import User

PLACES = ("name", "action", "target", "address", "request_id", "details", "before", "after")


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, words: str) -> Self:
        """Entries in which every one of the words stands somewhere."""
        found = self
        for word in words.split():
            found = found.filter(reduce(or_, (Q(**{f"{place}__icontains": word}) for place in PLACES)))
        return found


class AuditEntry(models.Model):
    number = models.PositiveBigIntegerField(null=True, unique=True, editable=False, help_text="Place in the chain")
    time = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="audit_entries")
    name = models.CharField(max_length=150, blank=True, help_text="The user name at that time; empty: the product itself")
    action = models.CharField(max_length=100, db_index=True, help_text="As in run.cancel")
    target = models.CharField(max_length=255)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.DONE)
    door = models.CharField(max_length=12, blank=True, help_text="Which way it came in")
    address = models.CharField(
        max_length=64, blank=True, help_text="Where it came from: an address of the network, or a machine"
    )
    request_id = models.CharField(max_length=64, blank=True, db_index=True)
    before = models.JSONField(default=dict, help_text="What was changed, as it was")
    after = models.JSONField(default=dict, help_text="What was changed, as it is now")
    details = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    previous = models.CharField(max_length=64, blank=True, editable=False, help_text="Hash of the entry before")
    hash = models.CharField(max_length=64, blank=True, editable=False)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-time", "-pk")
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"

    @property
    def actor(self) -> str:
        """Who acted, for people. Without a name it was the product by itself, or somebody at a door who had not logged in."""
        return self.name or ("the product itself" if self.door in ("", "task", "command") else "not logged in")


class AuditHead(models.Model):
    """The last number and hash of the chain: one row, moved on by the database itself."""

    number = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"
