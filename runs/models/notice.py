"""What a person should know: shown on their page of notices, and sent by mail where they have an address."""

from typing import Self

from django.db import models
from django.utils import timezone

from runs.models.user import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)

    def to_mail(self) -> Self:
        """Those that have not been mailed, to people who can get mail."""
        return self.filter(mailed_at__isnull=True, mail_failed__lt=MOST_TRIES, person__is_active=True).exclude(person__email="")


MOST_TRIES = 10  # of a mail, one a minute; then the page alone has the notice


class Notice(models.Model):
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    time = models.DateTimeField(default=timezone.now)
    title = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=300, blank=True, help_text="The page that it is about")
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_failed = models.PositiveSmallIntegerField(default=0)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-time", "-pk")
        indexes = [models.Index(fields=["person", "read_at"])]

    def __str__(self) -> str:
        return self.title
