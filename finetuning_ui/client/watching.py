"""Staying with a run until it has ended."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from finetuning_ui.client import connection
from finetuning_ui.client.errors import ConnectionFailed, NotMeasured, WaitedTooLong
from finetuning_ui.client.models import Estimate
from finetuning_ui.client.run import TrainingEvent, TrainingRun

POLL = 5.0  # seconds, as the original client
PATIENCE = 60.0  # seconds without an answer before it is given up: a server that restarts is not the end of a run


def ended(
    name: str, *, timeout: float | None = None, poll: float = POLL, seen: Callable[[TrainingRun], None] = lambda _: None
) -> TrainingRun:
    """The run once it has ended, well or not; `seen` is shown each state of it. Raise WaitedTooLong after `timeout` seconds."""
    for run in states(name, timeout=timeout, poll=poll):
        seen(run)
    return run


def states(name: str, *, timeout: float | None = None, poll: float = POLL) -> Iterator[TrainingRun]:
    """The run each time that it was asked for, until it has ended."""
    begun = heard = time.monotonic()
    while True:
        try:
            run = TrainingRun.of(connection.client().run(name))
            heard = time.monotonic()
            yield run
            if run.status.is_terminal():
                return
        except ConnectionFailed:
            if time.monotonic() - heard > PATIENCE:
                raise
        if timeout is not None and time.monotonic() - begun + poll > timeout:
            raise WaitedTooLong(f"{name} has not ended within {timeout:g} seconds. It goes on.")
        time.sleep(poll)


def measured(request: dict[str, Any], *, poll: float = 1.0) -> Estimate:
    """The estimate of such a run after its steps were measured. Raise NotMeasured with the server's reason."""
    while (probe := connection.client().probe(**request))["stage"] in ("waiting", "running"):
        time.sleep(poll)
    if probe["stage"] == "failed":
        raise NotMeasured(probe["reason"], probe["suggestion"])
    return Estimate.of(probe["estimate"])


def events(name: str, *, poll: float = POLL) -> Iterator[TrainingEvent]:
    """Events as they come, until the run has ended. An event that moves (TRAIN_UPDATED) comes each time that it says more."""
    seen: set[TrainingEvent] = set()
    for _ in states(name, poll=poll):  # asked before the events: the last ones are not missed
        for document in connection.client().events(name):
            event = TrainingEvent.of(document)
            if event not in seen:
                seen.add(event)
                yield event
