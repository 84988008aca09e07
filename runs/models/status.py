"""The one table of run statuses: which there are and which may follow which."""

from django.db import models


class RunStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    QUEUED = "QUEUED", "Queued"
    PAUSED = "PAUSED", "Paused"
    STARTING = "STARTING", "Starting"
    RUNNING = "RUNNING", "Running"
    TERMINATING = "TERMINATING", "Stopping"
    COMPLETED = "COMPLETED", "Completed"
    STOPPED = "STOPPED", "Stopped"
    FAILED = "FAILED", "Failed"


WAITING = frozenset({RunStatus.PENDING, RunStatus.QUEUED})
LEASED = frozenset({RunStatus.STARTING, RunStatus.RUNNING, RunStatus.TERMINATING})
ACTIVE = WAITING | LEASED | {RunStatus.PAUSED}
TERMINAL = frozenset({RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.FAILED})

TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.STOPPED, RunStatus.FAILED}),
    RunStatus.QUEUED: frozenset({RunStatus.STARTING, RunStatus.PAUSED, RunStatus.STOPPED, RunStatus.FAILED}),
    RunStatus.PAUSED: frozenset({RunStatus.QUEUED, RunStatus.STOPPED}),
    # Back to QUEUED: the engine was lost and goes on later from its last checkpoint.
    RunStatus.STARTING: frozenset(
        {RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.TERMINATING, RunStatus.FAILED}
    ),
    RunStatus.RUNNING: frozenset(
        {RunStatus.COMPLETED, RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.TERMINATING, RunStatus.FAILED}
    ),
    RunStatus.TERMINATING: frozenset({RunStatus.STOPPED, RunStatus.FAILED}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.STOPPED: frozenset(),
    RunStatus.FAILED: frozenset(),
}


class IllegalTransition(Exception):
    """A status was about to move along an edge that the table does not have. Always a programming error."""
