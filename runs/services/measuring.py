"""Measurements of rows: asked for by pages and calls, made at once when small, else by a child process that tasks follow.

They are leased to the tasks that follow them; a child that died without a result is started again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction

from runs import wiring
from runs.data.measuring import Job, Measure, measure
from runs.data.rendering import Renderer, TemplateError
from runs.execution import measuring as children
from runs.models import Measurement
from runs.models.measurement import State
from runs.services import derived
from runs.services.leases import Lease
from runs.services.locks import transaction_lock
from runs.services.nudge import after_commit
from runs.services.refused import Refused

INLINE = 500_000  # bytes of rows that are measured while the person waits: about a second
TOGETHER = 2  # children at once
MOST_ATTEMPTS = 3
BATCHES_KEPT = 50  # first batches of the same rows: their settings are the caller's, and they can be made again

LEASE = Lease(Measurement, "runs.tasks.measure", stage="state", since="created_at")


def ask(
    job: Job, *, digest: str, against: str, rows: int, size: int, renderer: Renderer | None = None, **meta: Any
) -> Measurement:
    """The measurement, ready where it was made before or the rows are few; otherwise under way. `meta` goes with the job."""
    written = {**job.model_dump(mode="json", exclude_none=True), **meta}
    found, made = Measurement.objects.get_or_create(
        measure=job.measure, digest=digest, task_type=job.task, against=against, defaults={"job": written, "total": rows}
    )
    if found.state != State.WAITING:
        return found
    if size <= INLINE:
        return _inline(found, job, renderer)
    if made:
        after_commit("runs.tasks.measure", found.pk, "")
    return found


def _inline(found: Measurement, job: Job, renderer: Renderer | None) -> Measurement:
    folder = _folder(found.pk)
    try:
        result = measure(job.model_copy(update={"folder": folder}) if job.remedy else job, renderer=renderer)
        return _settle(found, {"result": result}, folder)
    except TemplateError as error:
        return _refuse(found, str(error))
    except FileNotFoundError:
        return _refuse(found, "The rows of this data set are gone from the disk.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def work(pk: int, token: str, stopping: Callable[[], bool] = lambda: False) -> str:
    """A task's spell: start or follow the child. The token with which a successor goes on, or nothing when it is over."""
    return LEASE.follow(pk, token or _claim(pk), _look, stopping)


def reap() -> None:
    LEASE.reap(TOGETHER)


@transaction.atomic
def _claim(pk: int) -> str:
    """The lease on a waiting measurement, if there is room for one more child."""
    transaction_lock("measuring")  # two workers must not take the same place
    return LEASE.claim(pk) if LEASE.running().count() < TOGETHER else ""


def _look(found: Measurement) -> bool:
    """Start or follow the child; True when it is over."""
    folder = _folder(found.pk)
    if (result := children.result(folder)) is not None:
        _settle(found, result, folder)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    if not children.is_alive(folder) and children.result(folder) is None:
        return not _start(found, folder)
    LEASE.renew(found.pk, found.lease_token, done=max(found.done, children.rows_done(folder)))
    return False


def _start(found: Measurement, folder: Path) -> bool:
    if found.attempts >= MOST_ATTEMPTS:
        _refuse(found, "The process that measures ended before its time, three times. Ask an admin to look at memory.")
        return False
    found.attempts += 1
    found.save(update_fields=["attempts"])
    children.start(folder, Job.model_validate(found.job))
    return True


@transaction.atomic
def _settle(found: Measurement, answer: dict[str, Any], folder: Path) -> Measurement:
    """Keep what came out, once, and make room for the next."""
    held = Measurement.objects.select_for_update().get(pk=found.pk)
    if held.state in (State.READY, State.REFUSED):
        return held
    if "refused" in answer:
        return _refuse(held, answer["refused"])
    result = answer["result"]
    if held.measure == Measure.REMEDY:
        if objection := derived.objection(held, result["parts"]):
            return _refuse(held, objection)
        try:
            with transaction.atomic():
                result = derived.keep(held, result, folder)
        except Refused as refused:  # a full quota, or too many of that name
            return _refuse(held, refused.message)
    held.state, held.result, held.done, held.lease_token = State.READY, result, held.total, ""
    held.save()
    if held.measure == Measure.BATCH:
        _make_room(held)
    LEASE.next()
    return held


def _make_room(newest: Measurement) -> None:
    """Other kinds are measured once for a model or an evaluation set; of batches there are as many as there are settings."""
    made = Measurement.objects.filter(measure=Measure.BATCH, digest=newest.digest, state=State.READY).order_by("-created_at")
    Measurement.objects.filter(pk__in=[*made.values_list("pk", flat=True)[BATCHES_KEPT:]]).delete()


def _refuse(found: Measurement, reason: str) -> Measurement:
    found.state, found.reason, found.lease_token = State.REFUSED, reason, ""
    found.save(update_fields=["state", "reason", "lease_token"])
    shutil.rmtree(_folder(found.pk), ignore_errors=True)
    LEASE.next()
    return found


def _folder(pk: int) -> Path:
    folder = wiring.measuring_folder(pk)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
