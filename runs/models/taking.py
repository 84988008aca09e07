"""A large file or table on its way to becoming a data set: fetched and checked in the background, kept only when it is good."""

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs.models.dataset import DataSet
from runs.models.draft import Draft
from runs.models.leased import Leased
from runs.models.user import User


class Stage(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Being checked"
    READY = "ready", "Ready"
    REFUSED = "refused", "Refused"


class TakingQuerySet(models.QuerySet["Taking"]):
    def unfinished(self) -> "TakingQuerySet":
        return self.filter(stage__in=[Stage.WAITING, Stage.RUNNING])

    def files_of(self, user: User) -> "TakingQuerySet":
        """Of doors that name a file once and for ever: those that are no data set of that name yet."""
        return self.filter(owner=user).exclude(original="").exclude(stage=Stage.READY)


def new_key() -> str:
    return secrets.token_hex(16)


class Taking(Leased):
    """`job` is what is read and how. `stamp` tells one state of a place from a later one: a version, or size and time."""

    key = models.CharField(max_length=32, unique=True, default=new_key)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="takings")
    task_type = models.CharField(max_length=32)
    source = models.CharField(max_length=1_000, help_text="A file's name, or the place")
    stamp = models.CharField(max_length=200, blank=True)
    mapping = models.CharField(max_length=50, blank=True)
    name = models.CharField(max_length=100, blank=True, help_text="Wanted for the data set")
    original = models.CharField(max_length=80, blank=True, help_text="sha256 of the file as it was sent, to be kept too")
    job = models.JSONField(help_text="runs.data.taking.Job")
    draft = models.ForeignKey(Draft, on_delete=models.SET_NULL, null=True, blank=True, related_name="takings")
    field = models.CharField(max_length=30, blank=True, help_text="Of the draft")
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.WAITING)
    done = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    total = models.PositiveBigIntegerField(default=0, help_text="Bytes; 0 where it is not known")
    rows = models.PositiveBigIntegerField(default=0)
    reason = models.TextField(blank=True, help_text="Why it was refused, in words")
    report = models.JSONField(null=True, help_text="runs.data.validation.Report, where it was refused")
    dataset = models.ForeignKey(DataSet, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TakingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["stage", "created_at"])]

    def __str__(self) -> str:
        return f"check of {self.source}"

    @property
    def title(self) -> str:
        """The file's own name, of whatever place."""
        return self.source.rstrip("/").rpartition("/")[2] or self.source

    @property
    def is_under_way(self) -> bool:
        return self.stage in (Stage.WAITING, Stage.RUNNING)

    @property
    def is_refused(self) -> bool:
        return self.stage == Stage.REFUSED

    @property
    def share_done(self) -> float:
        """0 to 1, by bytes."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until the whole file is checked, if it goes on as it went; None while nobody can tell."""
        if self.stage != Stage.RUNNING or self.started_at is None or self.share_done < 0.05:  # of which starting is a part
            return None
        return (timezone.now() - self.started_at).total_seconds() * (1 - self.share_done) / self.share_done
