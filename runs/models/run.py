"""A run: what was asked for, where it stands, who works on it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.contract.events import Phase
from runs.contract.request import RunRequest
from runs.contract.spec import TaskType
from runs.models.catalog import BaseModel
from runs.models.dataset import DataSet
from runs.models.status import ACTIVE, LEASED, TERMINAL, TRANSITIONS, WAITING, IllegalTransition, RunStatus
from runs.models.taking import Taking
from runs.models.visibility import Owned, OwnedQuerySet


class RunQuerySet(OwnedQuerySet["Run"]):
    def alive(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def queued(self) -> Self:
        """Waiting runs in the order in which they will start."""
        return self.filter(status=RunStatus.QUEUED, held="").order_by("queued_at", "pk")

    def unattended_since(self, moment: datetime) -> Self:
        """Runs that somebody should be following and nobody has since `moment`."""
        return self.filter(status__in=LEASED, lease_heartbeat__lt=moment)

    def by_status(self) -> dict[str, int]:
        """How many runs there are in each status that occurs."""
        return dict(self.order_by().values_list("status").annotate(models.Count("pk")))

    def for_page(self) -> Self:
        return self.select_related("owner", "base_model", "dataset", "eval_dataset")


class Run(Owned):
    name = models.SlugField(max_length=63, unique=True)
    idempotency_key = models.CharField(max_length=200, blank=True)

    # What was asked for. `request` never changes; pages render settings from it and from nothing else.
    request = models.JSONField()
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="runs")
    task_type = models.CharField(max_length=32, choices=[(task.value, task.value) for task in TaskType])
    dataset = models.ForeignKey(DataSet, null=True, on_delete=models.PROTECT, related_name="runs")
    eval_dataset = models.ForeignKey(DataSet, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluated_runs")
    awaits_data = models.BooleanField(default=False, help_text="They are still being checked; until then it is PENDING")
    data_check = models.ForeignKey(Taking, null=True, on_delete=models.SET_NULL, related_name="runs", help_text="Of its data")
    eval_data_check = models.ForeignKey(Taking, null=True, on_delete=models.SET_NULL, related_name="evaluated_runs")
    gone_data = models.JSONField(
        default=dict, help_text="Name, digest, source and rows of data sets that were deleted after the run was, by field"
    )
    register_to = models.CharField(max_length=255)
    starts_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="continuations")
    starts_from_checkpoint = models.CharField(max_length=100, blank=True, help_text="Empty: the finished model of that run")
    labels = models.JSONField(default=dict, help_text="What a program attached to it, to be given back: metadata, suffix")

    # Where it stands.
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.PENDING)
    phase = models.CharField(max_length=16, choices=[(p.value, p.value) for p in Phase], default=Phase.CREATED)
    pause_wanted = models.BooleanField(default=False, help_text="A person asked its engine to keep its place and leave")
    held = models.CharField(max_length=300, blank=True, help_text="Why it waits and is not started; empty: it will be")
    details = models.TextField(blank=True, help_text="What it is doing or why it ended, in words")
    fault = models.CharField(max_length=16, blank=True)
    advice = models.TextField(blank=True)
    progress = models.JSONField(default=dict, help_text="Last contract.events.Progress, for counted phases")
    step = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    steps_per_epoch = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    total_tokens = models.PositiveBigIntegerField(default=0)
    last_loss = models.FloatField(null=True)
    tokens_per_second = models.FloatField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    bytes = models.PositiveBigIntegerField(default=0, help_text="In its folder, but for checkpoints, which have rows")
    expected_bytes = models.PositiveBigIntegerField(
        default=0, help_text="What it will keep in all, its copy in the registry included, as was estimated when it was made"
    )
    weighed_at = models.DateTimeField(null=True, help_text="When that was found")
    estimated_end_at = models.DateTimeField(null=True)

    # Who works on it: whoever holds the token follows the engine; the heartbeat says that it still does.
    lease_node = models.CharField(max_length=255, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_heartbeat = models.DateTimeField(null=True)
    device_kind = models.CharField(max_length=8, blank=True)
    device_indices = ArrayField(models.PositiveSmallIntegerField(), default=list)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Engines started since the last progress")
    events_offset = models.PositiveBigIntegerField(default=0, help_text="Bytes of events.jsonl that are rows now")

    # The copy in MLflow.
    experiment_path = models.CharField(max_length=500, blank=True)
    mlflow_experiment_id = models.CharField(max_length=64, blank=True)
    mlflow_run_id = models.CharField(max_length=64, blank=True)
    mirrored_data = models.BooleanField(default=False, help_text="Its data sets are in MLflow")
    mirrored_point = models.PositiveBigIntegerField(default=0, help_text="Largest MetricPoint.pk that is in MLflow")
    mirrored_samples = models.PositiveIntegerField(default=0, help_text="Answers that are in MLflow's table")
    mirror_closed = models.BooleanField(default=False)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["status", "queued_at"]), models.Index(fields=["owner", "-created_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"], condition=~Q(idempotency_key=""), name="run_idempotent_per_owner"
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, completed_at__isnull=False)
                | (~Q(status__in=TERMINAL) & Q(completed_at__isnull=True)),
                name="run_ended_has_end_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.QUEUED) | Q(queued_at__isnull=False), name="run_queued_has_queue_time"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[RunStatus.RUNNING, RunStatus.COMPLETED]) | Q(started_at__isnull=False),
                name="run_started_has_start_time",
            ),
            models.CheckConstraint(
                condition=Q(dataset__isnull=False) | Q(awaits_data=True) | Q(deleted_at__isnull=False), name="run_has_data"
            ),
            models.CheckConstraint(
                condition=Q(awaits_data=False) | Q(status__in=[RunStatus.PENDING, RunStatus.STOPPED, RunStatus.FAILED]),
                name="run_awaits_data_while_pending",
            ),
            models.CheckConstraint(
                condition=Q(status__in=LEASED, lease_heartbeat__isnull=False) & ~Q(lease_token="")
                | ~Q(status__in=LEASED) & Q(lease_token="", lease_heartbeat__isnull=True),
                name="run_leased_while_worked_on",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def move_to(self, status: RunStatus) -> None:
        """Change the status along the table, with the timestamps that belong to it; the caller saves."""
        if status not in TRANSITIONS[RunStatus(self.status)]:
            raise IllegalTransition(f"{self.name}: {self.status} -> {status}")
        now = timezone.now()
        self.status = status
        if status == RunStatus.QUEUED:
            self.queued_at = self.queued_at or now  # a run that lost its engine keeps its place
        elif status == RunStatus.RUNNING:
            self.started_at = self.started_at or now
        elif status in TERMINAL:
            self.completed_at = now
            self.estimated_end_at = None
        if status == RunStatus.PAUSED:
            self.queued_at = self.estimated_end_at = None  # it gave up its place
        if status not in (RunStatus.STARTING, RunStatus.RUNNING):
            self.pause_wanted = False
        if status not in LEASED:
            self.lease_node = self.lease_token = ""
            self.lease_heartbeat = None

    @property
    def asked(self) -> RunRequest:
        return RunRequest.model_validate(self.request)

    @property
    def data(self) -> DataSet:
        """What it is trained on, once that is here. A run that may still await it is asked for `dataset`."""
        assert self.dataset is not None, f"{self.name} has no data yet, or not any more"
        return self.dataset

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_pausing(self) -> bool:
        """Asked to pause; its engine has not left yet."""
        return self.pause_wanted and self.status in LEASED

    @property
    def is_waiting(self) -> bool:
        return self.status in WAITING

    @property
    def is_idle(self) -> bool:
        """Waiting, or paused: nobody works on it, and it is not over."""
        return self.status in WAITING | {RunStatus.PAUSED}

    @property
    def share_done(self) -> float:
        """0 to 1, by optimizer steps."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def queue_position(self) -> int | None:
        """1 for the run that starts next; None when it is not queued."""
        if self.status != RunStatus.QUEUED or self.held:
            return None
        return (
            Run.objects.queued().filter(Q(queued_at__lt=self.queued_at) | Q(queued_at=self.queued_at, pk__lte=self.pk)).count()
            or None  # somebody has just started it
        )

    def save_fields(self, fields: Iterable[str]) -> None:
        self.save(update_fields=[*fields, "updated_at"])
