"""Create, cancel and delete runs."""

import logging
import shutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import ValidationError

from runs import wiring
from runs.contract.events import EventType, Phase
from runs.contract.request import RunRequest
from runs.models import Run, RunStatus, User
from runs.models.status import TERMINAL, WAITING
from runs.services import quotas, timeline
from runs.services.audit import record
from runs.services.checks import check
from runs.services.naming import registered_name, run_name
from runs.services.nudge import after_commit
from runs.services.permissions import may, require
from runs.services.refused import CannotCancel, CannotDelete, KeyReused, NotFound, invalid

log = logging.getLogger(__name__)
AWAITING = "Its data are being checked; it begins when they are good."


def read_request(fields: Mapping[str, Any]) -> RunRequest:
    """Turn what a door received into a request; raise Invalid with every problem at its field."""
    try:
        return RunRequest.model_validate(dict(fields))
    except ValidationError as error:
        raise invalid(error) from None


def submit(
    *,
    by: User,
    asked: RunRequest,
    idempotency_key: str = "",
    labels: Mapping[str, Any] = MappingProxyType({}),
    waits: bool = False,
) -> Run:
    """Create a run. The same key from the same person returns the run that it made before.

    With `waits` it may be pending until large data are checked; else such data raise StillChecking.
    """
    if earlier := _made_before(by, asked, idempotency_key):
        return earlier
    checked = check(asked=asked, by=by, waits=waits)
    name = run_name(asked.task_type, asked.model)
    try:
        with transaction.atomic():
            quotas.may_start(by, checked.kept_bytes)
            run = Run.objects.create(
                name=name,
                owner=by,
                idempotency_key=idempotency_key,
                labels=dict(labels),
                request=asked.model_dump(mode="json", exclude_unset=True),
                base_model=checked.model,
                task_type=asked.task_type,
                dataset=checked.dataset,
                eval_dataset=checked.eval_dataset,
                awaits_data=bool(checked.awaited),
                data_check=checked.awaited.get("train_data_path"),
                eval_data_check=checked.awaited.get("eval_data_path"),
                register_to=registered_name(asked.register_to, name),
                starts_from=checked.weights.run if checked.weights else None,
                starts_from_checkpoint=checked.weights.checkpoint if checked.weights else "",
                experiment_path=asked.experiment_path.replace("{}", name) or f"/Users/{by.address}/{name}",
                expected_bytes=checked.kept_bytes,
                details=AWAITING if checked.awaited else "Waiting for a worker.",
            )
            timeline.add(run, EventType.CREATED, "Run created.")
            record("run.create", run, by=by, after=run.request)
            after_commit("runs.tasks.start")
    except IntegrityError:  # the same key at the same moment: the other request has made the run
        if earlier := _made_before(by, asked, idempotency_key):
            return earlier
        raise
    return run


def _made_before(by: User, asked: RunRequest, key: str) -> Run | None:
    """The run that this key made, if any; raise KeyReused when it was made from other settings."""
    earlier = Run.objects.filter(owner=by, idempotency_key=key).for_page().first() if key else None
    if earlier is not None and earlier.asked != asked:
        raise KeyReused(
            f"This key made {earlier.name}, with other settings. Use a new key for a new run.", field="Idempotency-Key"
        )
    return earlier


def find(*, by: User, name: str) -> Run:
    """The run if this person may see it, else NotFound."""
    run = (
        Run.objects.alive()
        .visible_to(by)
        .select_related("owner", "base_model", "dataset", "eval_dataset")
        .filter(name=name)
        .first()
    )
    if run is None:
        raise NotFound(f"There is no run “{name}”.")
    return run


def may_change(run: Run, by: User) -> bool:
    return may(by, "run.cancel", run)


@transaction.atomic
def cancel(*, run: Run, by: User, reason: str = "") -> Run:
    """Ask a run to stop. A waiting one stops at once; a training one after its step, with a usable checkpoint."""
    require(by, "run.cancel", run)
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.is_terminal or run.status == RunStatus.TERMINATING:
        raise CannotCancel(f"{run.name} is already {run.get_status_display().lower()}.")
    record("run.cancel", run, by=by, before={"status": run.status}, reason=reason)
    if run.status in WAITING | {RunStatus.PAUSED}:
        stop_now(run, f"Run canceled at batch {run.step}." if run.step else "Run canceled before it started.")
    elif run.phase == Phase.REGISTERING:
        run.move_to(RunStatus.TERMINATING)
        stop_now(run, "Run canceled before its model was registered. Its checkpoints are kept.")
    else:
        run.move_to(RunStatus.TERMINATING)
        run.details = "Stopping after this step; a checkpoint is being kept."
        run.save()
        wish_to_stop(run)
        timeline.tell(run)
    return run


def wish_to_stop(run: Run) -> None:
    """Tell the engine. On a full disk the status alone says it, and the follower tells the engine as soon as there is room."""
    folder = wiring.run_folder(run.name)
    try:
        folder.create()  # its worker may have claimed it and not come to that yet
        folder.stop.touch()
    except OSError as error:
        log.warning("the engine of %s cannot be told to stop yet: %s", run.name, error)


def stop_now(run: Run, message: str) -> None:
    """Settle a run that nobody works on any more as STOPPED."""
    run.move_to(RunStatus.STOPPED)
    run.details = message
    run.save()
    timeline.add(run, EventType.CANCELED, message)
    after_commit("runs.tasks.start")


@transaction.atomic
def delete(*, run: Run, by: User) -> None:
    """Take a finished run off the lists and its files off the disk. Its row stays for audit log and versions."""
    require(by, "run.delete", run)
    run = Run.objects.select_for_update().get(pk=run.pk)
    if not run.is_terminal:
        raise CannotDelete(f"{run.name} is {run.get_status_display().lower()}. Cancel it first.")
    if waiting := run.continuations.exclude(status__in=TERMINAL).first():
        raise CannotDelete(f"{waiting.name} goes on from its weights. Wait for it, or cancel it first.")
    run.deleted_at = timezone.now()
    run.save()
    record("run.delete", run, by=by, before={"status": run.status, "request": run.request})
    folder = wiring.run_folder(run.name).path
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
