"""Held runs go on with the model that replaces theirs: one by one, or all that a person has of a model."""

from dataclasses import dataclass, field

from django.db import transaction

from runs.contract.events import EventType
from runs.models import BaseModel, Run, RunStatus, User
from runs.models.run import RunQuerySet
from runs.models.status import WAITING
from runs.services import lifecycle, timeline
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import CannotMove, Problem, Refused

MOST = 50  # in one request; whoever has more asks again


@dataclass(frozen=True, slots=True)
class Move:
    """What came of a held run: the run in its place, or why it stays."""

    held: Run
    made: Run | None = None
    problems: list[Problem] = field(default_factory=list)


def held_of(*, by: User, model: BaseModel) -> RunQuerySet:
    """This person's own held runs of a model, in the order of the queue."""
    mine = Run.objects.alive().for_page().filter(owner=by, base_model=model, status__in=WAITING)
    return mine.exclude(held="").order_by("queued_at", "pk")


def move_all(*, model: BaseModel, by: User) -> list[Move]:
    """Move them, MOST at a time. One that is refused stays held, and keeps no other back."""
    require(by, "run.move_all")
    return [_attempt(run, by) for run in held_of(by=by, model=model)[:MOST]]


def _attempt(run: Run, by: User) -> Move:
    try:
        return Move(run, move(run=run, by=by))
    except Refused as refused:
        return Move(run, problems=refused.problems)


@transaction.atomic
def move(*, run: Run, by: User) -> Run:
    """Make the same run of the replacement, in the held one's place in the queue, and stop the held one: first, so that both
    need no more of a quota than one. All rules hold, for its owner: whose the run is does not change when an admin moves it.
    """
    require(by, "run.move", run)
    run = Run.objects.select_for_update(of=("self",)).select_related("owner", "base_model__replacement").get(pk=run.pk)
    if not run.held or not run.is_waiting:
        raise CannotMove(f"{run.name} is not held.")
    instead = run.base_model.replacement
    if instead is None:
        raise CannotMove(f"No replacement was named for {run.base_model.name}. Clone the run and choose another model.")
    run.held = ""
    run.move_to(RunStatus.STOPPED)
    run.save()
    asked = lifecycle.read_request({**run.request, "model": instead.name})
    made = lifecycle.submit(by=run.owner, asked=asked, labels=run.labels, waits=True)
    Run.objects.filter(pk=made.pk).update(queued_at=run.queued_at)
    record("run.move", run, by=by, before={"model": run.base_model.name}, after={"model": instead.name, "run": made.name})
    run.details = f"Moved to {made.name}, which trains {instead.display_name}."
    run.save_fields(["details"])
    timeline.add(run, EventType.CANCELED, run.details)
    return made
