"""Give waiting runs to free devices, and find runs that nobody works on any more."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from runs import wiring
from runs.contract.events import EventType, Fault, Phase
from runs.execution.devices import Slot, free
from runs.execution.launcher import LaunchFailed
from runs.models import Probing, Run, RunStatus
from runs.models.probing import Stage
from runs.models.status import LEASED
from runs.services import awaiting, settling, timeline
from runs.services.holding import hold_waiting
from runs.services.locks import transaction_lock
from runs.services.nudge import after_commit
from runs.services.specification import specification

LEASE_SECONDS = 10  # a run whose follower was silent this long is taken over


def start_waiting() -> list[Run]:
    """Start as many waiting runs as this node has free devices; return them."""
    awaiting.collect()
    admit()
    hold_waiting()
    claimed = _claim()
    for run in claimed:
        _launch(run)
    return claimed


@transaction.atomic
def admit() -> None:
    """Pending runs join the queue, once their data are here."""
    pending = Run.objects.filter(status=RunStatus.PENDING, awaits_data=False).order_by("created_at", "pk")
    for run in pending.select_for_update(skip_locked=True):
        run.move_to(RunStatus.QUEUED)
        run.details = "Waiting for a free device."
        run.save()
        timeline.tell(run)


@transaction.atomic
def _claim() -> list[Run]:
    """Lease the first runs of the queue to this node, one per free device."""
    node = wiring.node()
    places = free(wiring.device_slots(), busy())
    claimed = list(Run.objects.queued().select_for_update(skip_locked=True)[: len(places)])
    for run, slot in zip(claimed, places, strict=False):
        run.move_to(RunStatus.STARTING)
        run.lease_node, run.lease_token, run.lease_heartbeat = node, secrets.token_hex(16), timezone.now()
        run.device_kind, run.device_indices = slot.kind, [slot.index]
        run.attempts += 1
        run.details = "Starting the training process."
        run.save()
        timeline.tell(run)
    return claimed


def busy() -> list[Slot]:
    """Devices of this node that runs and probes work on. Within a transaction: until its end nobody else takes one."""
    node = wiring.node()
    transaction_lock(f"devices of {node}")  # two workers of one node must not count the same device as free
    at_work = Run.objects.filter(status__in=LEASED, lease_node=node).exclude(phase=Phase.REGISTERING)
    probed = Probing.objects.filter(stage=Stage.RUNNING, lease_node=node)
    taken = [Slot(run.device_kind, index) for run in at_work for index in run.device_indices]
    return [*taken, *(Slot(one.device_kind, one.device_index or 0) for one in probed)]


def _launch(run: Run) -> None:
    """Write the specification once, start the engine, and have it followed."""
    folder = wiring.run_folder(run.name)
    try:
        folder.create()
        folder.write_spec(specification(run, folder))
        folder.clear_for_restart()
        wiring.launcher().start(folder)
    except (LaunchFailed, OSError) as error:
        _give_up(run, error)
        return
    with transaction.atomic():
        timeline.add(run, EventType.STARTED, "Run started.")
        after_commit("runs.tasks.follow", run.pk, run.lease_token)


@transaction.atomic
def _give_up(run: Run, error: Exception) -> None:
    """Settle a run that could not be launched, as it stands now: it may have been cancelled meanwhile."""
    held = Run.objects.select_for_update().filter(pk=run.pk, lease_token=run.lease_token).first()
    if held is not None:
        advice = "Ask an admin to look at disk space and permissions."
        settling.fail(held, Fault.ENGINE, f"The run could not be started: {error}", advice)


def reap() -> list[Run]:
    """Take over runs whose follower went silent, and start waiting ones: what nudges should have done, and may not have."""
    silent = Run.objects.unattended_since(timezone.now() - timedelta(seconds=LEASE_SECONDS))
    taken = [run for run in silent if _take_over(run)]
    if Run.objects.filter(status__in=[RunStatus.PENDING, RunStatus.QUEUED]).exists():
        after_commit("runs.tasks.start")
    return taken


@transaction.atomic
def _take_over(run: Run) -> bool:
    """One conditional update: of several reapers one wins, and the old holder's token is void."""
    token = secrets.token_hex(16)
    won = Run.objects.filter(pk=run.pk, lease_token=run.lease_token, lease_heartbeat=run.lease_heartbeat).update(
        lease_token=token, lease_heartbeat=timezone.now()
    )
    if won:
        task = "runs.tasks.publish" if run.phase == Phase.REGISTERING else "runs.tasks.follow"
        after_commit(task, run.pk, token)
    return bool(won)


def renew(run_id: int, token: str) -> bool:
    """Say that the holder of `token` is still there; False when the run is not its own any more."""
    return bool(Run.objects.filter(pk=run_id, lease_token=token).update(lease_heartbeat=timezone.now()))
