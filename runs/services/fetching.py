"""Weights of base models, fetched from hub or volume in the background: resumed where they stopped, checked, then put in place.

They are leased to the tasks that fetch them.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs import wiring
from runs.catalog import weights
from runs.catalog.stores import AtHub, File, Listing, Store
from runs.data.sources import SourceError
from runs.models import BaseModel, Download, User
from runs.models.download import Stage
from runs.services import leases, secrets, verifying
from runs.services.audit import record
from runs.services.checks import weights_are_here
from runs.services.leases import Lease
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import CannotStop, Invalid

RENEW = 1.0  # seconds between two looks at a lease
SPARE = 2 << 30  # bytes of disk that stay free
ALL = 1_000  # that wait, one per base model

LEASE = Lease(Download, "runs.tasks.fetch", silent=120)  # a digest of a large file takes its time


def fetchable(model: BaseModel) -> bool:
    """Whether its weights are not here, and there is a place to fetch them from."""
    return not weights_are_here(model) and (not model.folder or wiring.model_volume(model) is not None)


def offer(*, model: BaseModel, by: User) -> Listing:
    """What would be fetched. Raises Invalid with the store's answer in words, or when there is no room."""
    require(by, "catalog.change")
    if weights_are_here(model):
        raise Invalid("The weights are here already.", field="hub_id")
    try:
        found = _store(model, by).listing()
    except SourceError as error:
        raise Invalid(str(error), field="folder" if model.folder else "hub_id") from error
    _check_room(found.bytes - weights.done(wiring.fetching_folder(model.pk), found.files))
    return found


@transaction.atomic
def ask(*, model: BaseModel, by: User) -> Download:
    """Begin, or go on after a failure. One that is under way stays as it is."""
    require(by, "catalog.change")
    held = Download.objects.select_for_update().filter(base_model=model).first()
    if held is not None and held.is_under_way:
        return held
    found = offer(model=model, by=by)
    fields = {"by": by, "sha": found.sha, "files": [asdict(file) for file in found.files], "total": found.bytes}
    state = {"stage": Stage.WAITING, "reason": "", "lease_token": "", "asked_at": timezone.now()}
    download, _ = Download.objects.update_or_create(base_model=model, defaults={**fields, **state})
    record("model.fetch", model, by=by, sha=found.sha, bytes=found.bytes, files=len(found.files))
    after_commit("runs.tasks.fetch", download.pk, "")
    return download


@transaction.atomic
def stop(*, model: BaseModel, by: User) -> Download:
    """Give it up, and throw away what has come. Whoever works on it notices within a second."""
    require(by, "catalog.change")
    held = Download.objects.select_for_update().filter(base_model=model).first()
    if held is None or not (held.is_under_way or held.is_failed):
        raise CannotStop(f"The weights of {model.name} are not being fetched.")
    record("model.fetch.stop", model, by=by, done=held.done, total=held.total)
    held.stage, held.done, held.reason, held.lease_token = Stage.STOPPED, 0, "", ""
    held.save(update_fields=["stage", "done", "reason", "lease_token"])
    folder = wiring.fetching_folder(model.pk)
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
    return held


def work(pk: int, token: str, stopping: Callable[[], bool] = lambda: False) -> str:
    """A task's spell. The token with which a successor goes on, or nothing when it is over."""
    token = token or LEASE.claim(pk)
    mine = LEASE.held(pk, token)
    download = mine.select_related("base_model", "by").first() if token else None
    if download is None:
        return ""
    files = [File(**file) for file in download.files]
    folder = wiring.fetching_folder(download.base_model_id)
    going = _Spell(download, files, folder, stopping)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        store = _store(download.base_model, download.by)
        for file in files:
            if not going.renew() or not weights.fetch(store, download.sha, file, folder, going):
                return token if mine.exists() else ""
        _finish(download, folder)
    except (SourceError, OSError, Invalid) as error:
        going.renew()
        _fail(download, str(error))
    return ""


class _Spell:
    """Called after every block: whether to go on. Renews the lease and writes down the progress once a second."""

    def __init__(self, download: Download, files: list[File], folder: Path, stopping: Callable[[], bool]) -> None:
        self._download, self._files, self._folder, self._stopping = download, files, folder, stopping
        self._until, self._next = time.monotonic() + leases.SPELL, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._stopping() or now > self._until:
            return False
        return now < self._next or self.renew()

    def renew(self) -> bool:
        self._next = time.monotonic() + RENEW
        done = weights.done(self._folder, self._files)
        return LEASE.renew(self._download.pk, self._download.lease_token, done=done)


def reap() -> None:
    LEASE.reap(ALL)


@transaction.atomic
def _finish(download: Download, folder: Path) -> None:
    """In place with one rename, then looked at like any other folder; what is in order is switched on, and nothing else is."""
    if not _held(download).select_for_update().exists():
        return  # stopped in this moment
    model = BaseModel.objects.select_for_update().get(pk=download.base_model_id)
    home = wiring.model_folder(model)
    home.parent.mkdir(parents=True, exist_ok=True)
    if home.is_dir() and not any(home.iterdir()):
        home.rmdir()
    folder.rename(home)
    model.revision = model.revision if model.folder else download.sha
    found = verifying.verify(model=model, by=download.by)
    model.enabled = not found.problems
    model.save(update_fields=["revision", "enabled"])
    Download.objects.filter(pk=download.pk).update(stage=Stage.DONE, done=download.total, lease_token="")
    record("model.fetched", model, by=None, sha=download.sha, bytes=download.total, problems=found.problems)


@transaction.atomic
def _fail(download: Download, reason: str) -> None:
    if _held(download).update(stage=Stage.FAILED, reason=reason[:2_000], lease_token=""):
        record("model.fetch.fail", download.base_model, by=None, reason=reason[:500])


def _held(download: Download) -> QuerySet[Download]:
    return LEASE.held(download.pk, download.lease_token)


def _store(model: BaseModel, by: User) -> Store:
    """The hub, or the volume; raises Invalid for a model with a folder of this machine, and SourceError."""
    if not model.folder:
        hub = wiring.model_hub(secrets.opened(secrets.Name.HUB_TOKEN, by=by))
        return AtHub(hub, model.hub_id or model.name, model.revision)
    if volume := wiring.model_volume(model):
        return volume
    raise Invalid("This model has a folder of its own. Empty that field to have its weights fetched.", field="folder")


def _check_room(needed: int) -> None:
    home = Path(settings.MODELS_DIR)
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free - SPARE
    if needed > free:
        raise Invalid(
            f"The weights need {needed / 1e9:,.1f} GB, and there are {max(0, free) / 1e9:,.1f} GB for them on the disk.",
            field="hub_id",
        )
