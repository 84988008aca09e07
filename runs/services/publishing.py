"""Turn a finished run into a registered version, and only then call it completed.

Done twice, there is one version: the registry finds it by the run's name. When the registry is away the run waits, registering.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from runs import wiring
from runs.contract.events import EventType, Fault, Phase
from runs.models import Licence, ModelVersion, Run, RunStatus, User
from runs.registry import card
from runs.registry.history import read_history
from runs.registry.protocol import (
    LicenceNotice,
    Publication,
    PublishedVersion,
    PublishFailed,
    RegistryRefused,
    RegistryUnavailable,
)
from runs.services import mirroring, timeline
from runs.services.audit import record
from runs.services.dispatch import renew
from runs.services.nudge import after_commit
from runs.services.permissions import may, require
from runs.services.refused import CannotRegister
from runs.services.settling import fail
from runs.services.sharing import check_name, claim

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
RETRY_SECONDS = 5.0  # between two tries while the registry is away


def publish(run_id: int, token: str) -> None:
    """Register the run's model and complete the run, if `token` still holds its lease."""
    run = Run.objects.for_page().filter(pk=run_id, lease_token=token, phase=Phase.REGISTERING).exclude(lease_token="").first()
    if run is None or not renew(run_id, token):
        return
    if not run.owner.may_deploy:
        _finish(run_id, token, _withhold)
        return
    with _lease_kept(run_id, token):
        try:
            mirroring.ensure_mirrored(run)
            version = wiring.registry().publish(_publication(run))
        except RegistryUnavailable as error:
            log.info("%s waits for the registry: %s", run.name, error)
            _finish(run_id, token, _wait)
            after_commit("runs.tasks.publish", run_id, token, countdown=RETRY_SECONDS)
            return
        except (PublishFailed, RegistryRefused) as error:
            message = f"The model could not be registered: {error}"
            advice = "The weights are in the run's folder, and its checkpoints are kept."
            _finish(run_id, token, lambda held: fail(held, Fault.MODEL, message, advice))
            return
    _finish(run_id, token, lambda held: _complete(held, version))


def _finish(run_id: int, token: str, ending: Callable[[Run], None]) -> None:
    """Settle the run, unless it was cancelled or taken over meanwhile."""
    with transaction.atomic():
        held = Run.objects.select_for_update().filter(pk=run_id, lease_token=token).first()
        if held is not None:
            ending(held)


def _wait(run: Run) -> None:
    run.details = "Waiting for the model registry, which does not answer."
    run.save_fields(["details"])
    timeline.tell(run)


def _complete(run: Run, version: PublishedVersion) -> None:
    claim(run)
    ModelVersion.objects.get_or_create(
        run=run, defaults={"name": version.name, "version": version.version, "uri": version.model_uri}
    )
    run.move_to(RunStatus.COMPLETED)
    run.details = f"Registered as {version.name}, version {version.version}."
    run.save()
    record("model.register", version.model_uri, by=run.owner, run=run.name)
    timeline.add(run, EventType.COMPLETED, "Run completed. Final weights uploaded.")
    after_commit("runs.tasks.mirror")


def _withhold(run: Run) -> None:
    """Training and deploying are separate rights: the weights are there, and whoever may deploy registers them."""
    run.move_to(RunStatus.COMPLETED)
    run.details = "Trained, and not registered: its owner may not deploy. The weights are kept for somebody who may."
    run.save()
    timeline.add(run, EventType.COMPLETED, run.details)
    after_commit("runs.tasks.mirror")


def may_register(run: Run, by: User) -> bool:
    """Whether there is something to register, and this person may."""
    return run.status == RunStatus.COMPLETED and getattr(run, "version", None) is None and may(by, "registered.create")


@transaction.atomic
def register(*, run: Run, by: User) -> None:
    """Have the weights of a finished run registered, on the word of somebody who may deploy."""
    require(by, "registered.create")
    if run.status != RunStatus.COMPLETED or ModelVersion.objects.filter(run=run).exists():
        raise CannotRegister(
            f"{run.name} is {run.get_status_display().lower()}, or has a version: there is nothing to register."
        )
    check_name(run.register_to, by)
    record("model.approve", run, by=by, name=run.register_to)
    after_commit("runs.tasks.register", run.pk)


def register_now(run_id: int) -> None:
    """The work that `register` has asked for. The registry finds what an earlier try has left."""
    run = Run.objects.for_page().filter(pk=run_id, status=RunStatus.COMPLETED, version__isnull=True).first()
    if run is None:
        return
    mirroring.ensure_mirrored(run)
    version = wiring.registry().publish(_publication(run))
    with transaction.atomic():
        claim(run)
        ModelVersion.objects.get_or_create(
            run=run, defaults={"name": version.name, "version": version.version, "uri": version.model_uri}
        )
        Run.objects.filter(pk=run.pk).update(details=f"Registered as {version.name}, version {version.version}.")
        record("model.register", version.model_uri, by=run.owner, run=run.name)


def _publication(run: Run) -> Publication:
    licence = run.base_model.licence
    return Publication(
        name=run.register_to,
        run_name=run.name,
        run_folder=wiring.run_folder(run.name).path,
        mlflow_experiment_id=run.mlflow_experiment_id,
        mlflow_run_id=run.mlflow_run_id,
        licence=terms(licence),
    )


def terms(licence: Licence) -> LicenceNotice:
    """What a licence asks of those who pass a derived model on."""
    names = LicenceNotice.model_fields.keys() - {"obligations"}
    return LicenceNotice(obligations=tuple(licence.obligations), **{name: getattr(licence, name) for name in names})


def breaks(name: str, prefix: str) -> str:
    """The part of a registered name that its base model's licence does not allow, or nothing."""
    return card.forbidden(name, prefix)


def card_of(run: Run) -> str:
    """The model card that went with the registered model; empty when the run's folder is gone."""
    folder = wiring.run_folder(run.name)
    return card.card(_publication(run), folder.read_spec(), read_history(folder)) if folder.has_spec else ""


@contextmanager
def _lease_kept(run_id: int, token: str) -> Iterator[None]:
    """Renew the lease from a thread while the registry's work, which takes its time, blocks this one."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(RENEW_SECONDS):
            renew(run_id, token)
        connections.close_all()

    keeper = threading.Thread(target=keep, daemon=True, name=f"lease-{run_id}")
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
