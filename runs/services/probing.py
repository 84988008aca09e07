"""Probes: a few real steps of the engine with a run's own model, rows and settings, taken before it and kept for all who ask.

A probe takes a device's place as a run does, and ends within LIMIT. It is leased to the tasks that follow it.
"""

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from runs import wiring
from runs.contract.events import EventType, Fault, Milestone, Outcome, Progress, Step
from runs.contract.folder import RunFolder
from runs.contract.inputs import Device
from runs.contract.request import RunRequest
from runs.contract.spec import Hyperparameters, RunSpec
from runs.execution.devices import Slot, free
from runs.execution.launcher import LaunchFailed
from runs.models import BaseModel, DataSet, Probing, User
from runs.models.probing import Stage
from runs.services import dispatch, progress
from runs.services.alike import key
from runs.services.audit import record
from runs.services.checks import check
from runs.services.leases import Lease
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import Refused
from runs.services.settling import STARVED
from runs.services.specification import spec_of

LIMIT = 300.0  # seconds after which the engine is killed
MOST_WAITING = 5  # of one person's, at once
TOLD = timedelta(minutes=1)  # for which a failure is the answer: whoever waits for a probe asks for it again and again

LEASE = Lease(Probing, "runs.tasks.probe")


class TooManyProbes(Refused):
    code = "too_many_probes"


def find(
    *, asked: RunRequest, model: BaseModel, dataset: DataSet, evaluation: DataSet | None, resolved: Hyperparameters
) -> Probing | None:
    """What is known, or under way, for these settings on this machine."""
    return Probing.objects.filter(key=key(asked, model, dataset, evaluation, resolved)).first()


@transaction.atomic
def ask(*, by: User, asked: RunRequest, anew: bool = False) -> Probing:
    """The probe of these settings: a finished one if there is one, else one that is about to begin.

    One that failed is tried again when that has been told for a while, or at once where a person asks for it `anew`.

    Raises what a run with these settings would be refused for.
    """
    require(by, "run.probe")
    found = check(asked=asked, by=by)
    assert found.dataset is not None  # it waits for none
    spec = spec_of("probe", asked, found.model, found.dataset, found.eval_dataset, found.weights)
    digest = key(asked, found.model, found.dataset, found.eval_dataset, spec.hyperparameters)
    held = Probing.objects.select_for_update().filter(key=digest).first()
    if held is not None and not (held.is_failed and (anew or _is_told(held))):
        return held
    if Probing.objects.unfinished().filter(by=by).count() >= MOST_WAITING:
        raise TooManyProbes(f"{MOST_WAITING} of your probes are under way. Ask again when one has ended.")
    fresh = {
        "base_model": found.model, "by": by, "spec": spec.model_dump(mode="json"), "stage": Stage.WAITING, "doing": "",
        "result": None, "fault": "", "reason": "", "note": "", "lease_token": "", "asked_at": timezone.now(), "ended_at": None,
    }  # fmt: skip
    probing, _ = Probing.objects.update_or_create(key=digest, defaults=fresh)
    record("run.probe", probing, by=by, model=found.model.name, dataset=found.dataset.name)
    after_commit("runs.tasks.probe", probing.pk, "")
    return probing


def _is_told(failed: Probing) -> bool:
    return failed.ended_at is None or failed.ended_at < timezone.now() - TOLD


def work(pk: int, token: str, stopping: Callable[[], bool] = lambda: False) -> str:
    """A task's spell: start or follow the engine. The token with which a successor goes on, or nothing when it is over."""
    return LEASE.follow(pk, token or _claim(pk), _advance, stopping)


def reap() -> None:
    LEASE.reap()


@transaction.atomic
def _claim(pk: int) -> str:
    """The lease on a waiting probe and on a device, if one is free."""
    slot = next(iter(free(wiring.device_slots(), dispatch.busy())), None)
    if slot is None:
        return ""
    token = LEASE.claim(pk, started_at=timezone.now(), lease_node=wiring.node(), device_kind=slot.kind, device_index=slot.index)
    return token if token and _launch(Probing.objects.get(pk=pk), slot) else ""


def _launch(found: Probing, slot: Slot) -> bool:
    folder = _folder(found)
    shutil.rmtree(folder.path, ignore_errors=True)
    try:
        folder.create()
        spec = RunSpec.model_validate(found.spec)
        device = Device(kind="cuda", indices=(slot.index,)) if slot.kind == "cuda" else Device()
        folder.write_spec(spec.model_copy(update={"device": device.model_copy(update={"threads": wiring.engine_threads()})}))
        folder.probe.touch()
        wiring.launcher().start(folder)
    except (LaunchFailed, OSError) as error:
        _end(found, Stage.FAILED, fault=Fault.ENGINE.value, reason=f"The probe could not be started: {error}")
        return False
    return True


def _advance(found: Probing) -> bool:
    """Look at the engine; True when it has ended, or was ended."""
    folder = _folder(found)
    word, alive = folder.read_exit(), wiring.launcher().is_alive(folder)
    word = word or folder.read_exit()
    assert found.started_at is not None
    if word is None and alive and timezone.now() - found.started_at < timedelta(seconds=LIMIT):
        if (doing := _doing(folder)) != found.doing:
            Probing.objects.filter(pk=found.pk).update(doing=doing)
        return False
    wiring.launcher().kill(folder)
    measured = folder.read_probe()
    if word is not None and word.outcome == Outcome.COMPLETED and measured is not None:
        _end(found, Stage.READY, result=measured.model_dump(mode="json"), note=_note(folder))
    elif word is not None:
        message = word.message or "The probe was interrupted. Ask for it again."
        _end(found, Stage.FAILED, fault=(word.fault or Fault.ENGINE).value, reason=message)
    elif alive:
        reason = f"Three steps took more than {LIMIT / 60:.0f} minutes. What is said of time and memory stays a calculation."
        _end(found, Stage.FAILED, fault="slow", reason=reason)
    else:
        sure = wiring.launcher().was_starved(folder)
        reason = (
            STARVED if sure else "The process was killed without a word, which is what a machine does that has no memory left."
        )
        _end(found, Stage.FAILED, fault=Fault.MEMORY.value, reason=reason)
    return True


@transaction.atomic
def _end(found: Probing, stage: Stage, **fields: Any) -> None:
    mine = Probing.objects.filter(pk=found.pk, stage=Stage.RUNNING)
    if mine.update(stage=stage, lease_token="", doing="", ended_at=timezone.now(), **fields):
        shutil.rmtree(_folder(found).path, ignore_errors=True)
        after_commit("runs.tasks.start")  # its device is free
        LEASE.next()


def _doing(folder: RunFolder) -> str:
    """The last that the engine said, in a few words."""
    lines, _ = progress.read_lines(folder, 0)
    steps = sum(isinstance(line, Step) for line in lines)
    if steps:
        return f"{steps} step{'s' if steps > 1 else ''} taken"
    told = next((line for line in reversed(lines) if isinstance(line, Progress)), None)
    return f"{told.doing}: {told.done:,} of {told.total:,} {told.unit}" if told else "starting the engine"


def _note(folder: RunFolder) -> str:
    lines, _ = progress.read_lines(folder, 0)
    said = [line.message for line in lines if isinstance(line, Milestone) and line.type == EventType.ADVICE]
    return " ".join(said)


def _folder(found: Probing) -> RunFolder:
    return RunFolder(settings.DATA_DIR / "probes" / str(found.pk))
