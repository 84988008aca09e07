"""Large files and places are taken in the background: fetched and checked by a child process, then kept like any other.

They are leased to the tasks that follow them; a child that died without a result is started again. No data set is there before
its last row is checked.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.formats import ending
from runs.data.taking import ROOTS, ROWS, Job
from runs.data.validation import Report
from runs.execution import measuring as children
from runs.models import DataSet, Draft, Taking, User
from runs.models.taking import Stage, new_key
from runs.services.audit import record
from runs.services.keeping import Original, keep
from runs.services.leases import Lease
from runs.services.locks import transaction_lock
from runs.services.nudge import after_commit
from runs.services.permissions import require
from runs.services.refused import BadData, NotFound, Refused, StillChecking, UnknownData
from runs.services.secrets import Name, opened

MOST = 32 << 20  # bytes of rows that are checked while the person waits: less than a second
MOST_PACKED = 8 << 20  # of .gz, .zip and .parquet, which hold several times as much
TOGETHER = 2  # children at once
MOST_ATTEMPTS = 3
AGAIN = timedelta(minutes=2)  # after which a place that could not be read is tried again
KEPT = timedelta(days=1)  # of what is over, and of a refused file whose mapping may still be confirmed

LEASE = Lease(Taking, "runs.tasks.take", since="created_at")


@dataclass(frozen=True)
class Place:
    """What is to be read from elsewhere. `stamp` tells its present state, `bytes` is 0 where nobody knows."""

    reference: str
    name: str
    stamp: str
    bytes: int


def is_large(path: Path, filename: str = "") -> bool:
    """Whether checking it takes longer than a person wants to wait for a page."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir()) > MOST
    packed = filename.lower().endswith(".gz") or ending(filename) in (".zip", ".parquet")
    return path.stat().st_size > (MOST_PACKED if packed else MOST)


def begin(
    *, by: User, path: Path, source: str, task: TaskType, name: str = "", mapping: str = "", original: str = ""
) -> NoReturn:
    """`put` it, and raise StillChecking."""
    raise told(put(by=by, path=path, source=source, task=task, name=name, mapping=mapping, original=original), "file")


@transaction.atomic
def put(*, by: User, path: Path, source: str, task: TaskType, name: str = "", mapping: str = "", original: str = "") -> Taking:
    """Take over a file or folder of texts: it is moved away from `path`, last, so that what is refused stays where it was.

    With the digest of the `original`, that file is kept too, and the data set gets this `name` or none.
    """
    key = new_key()
    home = wiring.taking_folder(key) / "file"
    job = Job(task=task, name=source, path=home, mapping=mapping or None)
    try:
        size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
        made = _begun(
            by, job, key=key, source=source[:1_000], mapping=mapping[:50], name=name[:100], total=size, original=original
        )
        home.parent.mkdir(parents=True)
        os.rename(path, home)
    except FileNotFoundError:
        raise NotFound("Another request has taken this file already.") from None
    return made


def of_place(*, by: User, place: Place, task: TaskType, field: str, mapping: str = "") -> DataSet:
    """What a place holds, if it was taken in this state. Raises StillChecking while it is, and what was wrong with it."""
    about = {"source": place.reference[:1_000], "stamp": place.stamp, "mapping": mapping[:50]}
    found = Taking.objects.filter(owner=by, task_type=task, **about).order_by("-created_at").first()
    if found is not None and found.is_refused and (found.report or found.created_at > timezone.now() - AGAIN):
        raise refusal(found, field)
    if found is not None and found.dataset is not None:
        return found.dataset
    if found is None or not found.is_under_way:
        job = Job(task=task, reference=place.reference, mapping=mapping or None)
        found = _begun(by, job, name=place.name[:100], total=place.bytes, **about)
    raise told(found, field)


def told(found: Taking, field: str) -> StillChecking:
    """How far it is, in words and for programs."""
    far = f" {found.done / 1e6:,.0f} of {found.total / 1e6:,.0f} MB are checked." if found.done and found.total else ""
    return StillChecking(
        f"“{found.source}” is large, so it is being checked in the background.{far} Ask again soon.",
        field=field,
        facts={"check": found.key, "done": found.done, "total": found.total},
    )


def refusal(found: Taking, field: str = "file") -> Refused:
    """What `check` would have raised in a request."""
    if found.report is None:
        return UnknownData(found.reason, field=field)
    return BadData(found.reason, field=field, report=Report.model_validate(found.report))


def find(*, by: User, key: str) -> Taking:
    found = Taking.objects.select_related("dataset", "draft", "owner").filter(owner=by, key=key).first()
    if found is None:
        raise NotFound("There is no such check among yours.")
    return found


def refused(*, by: User, key: str) -> Taking | None:
    """A refused check of a file that is still here."""
    found = Taking.objects.filter(owner=by, key=key, stage=Stage.REFUSED).first() if key else None
    return found if found is not None and (wiring.taking_folder(key) / "file").exists() else None


def again(*, by: User, refused: Taking, mapping: str) -> NoReturn:
    """Check the same file with the mapping that was confirmed."""
    file = wiring.taking_folder(refused.key) / "file"
    task = TaskType(refused.task_type)
    made = put(by=by, path=file, source=refused.source, task=task, name=refused.name, mapping=mapping)
    Taking.objects.filter(pk=made.pk).update(draft=refused.draft, field=refused.field)
    remove(refused)
    raise told(made, "file")


def note(*, by: User, key: str, draft: Draft | None, field: str) -> None:
    """Say which slot of a draft waits for it, or None any more."""
    Taking.objects.filter(owner=by, key=key).update(draft=draft, field=field)


def cancel(*, by: User, key: str) -> None:
    """Stop it; nothing is kept."""
    found = find(by=by, key=key)
    require(by, "check.change", found)
    record("dataset.check.cancel", found.source, by=by)
    remove(found)


def remove(found: Taking) -> None:
    found.delete()
    after_commit("runs.tasks.start")  # runs may wait for it
    children.end(wiring.taking_folder(found.key))
    shutil.rmtree(wiring.taking_folder(found.key), ignore_errors=True)


@transaction.atomic
def _begun(by: User, job: Job, **fields: Any) -> Taking:
    require(by, "dataset.create")
    made = Taking.objects.create(owner=by, task_type=job.task, job=job.model_dump(mode="json"), **fields)
    record("dataset.check", made.source, by=by, bytes=made.total)
    after_commit("runs.tasks.take", made.pk, "")
    return made


def work(pk: int, token: str, stopping: Callable[[], bool] = lambda: False) -> str:
    """A task's spell: start or follow the child. The token with which a successor goes on, or nothing when it is over."""
    return LEASE.follow(pk, token or _claim(pk), _look, stopping)


def reap() -> None:
    LEASE.reap(TOGETHER)


def forget() -> None:
    """Delete what has been over for a day, and the files with it."""
    for found in Taking.objects.exclude(stage__in=[Stage.WAITING, Stage.RUNNING]).filter(created_at__lt=timezone.now() - KEPT):
        remove(found)


@transaction.atomic
def _claim(pk: int) -> str:
    transaction_lock("taking")  # two workers must not take the same place
    return LEASE.claim(pk, started_at=timezone.now()) if LEASE.running().count() < TOGETHER else ""


def _look(found: Taking) -> bool:
    """Start or follow the child; True when it is over."""
    folder = wiring.taking_folder(found.key)
    if (result := children.result(folder)) is not None:
        _settle(found, result, folder)
        return True
    if not children.is_alive(folder) and children.result(folder) is None:
        return not _start(found, folder)
    told = children.progress(folder)
    LEASE.renew(found.pk, found.lease_token, **{name: told[name] for name in ("done", "total", "rows") if told.get(name)})
    return False


def _start(found: Taking, folder: Path) -> bool:
    if found.attempts >= MOST_ATTEMPTS:
        _refuse(found, "The process that checks ended before its time, three times. Ask an admin to look at memory and disk.")
        return False
    found.attempts += 1
    found.save(update_fields=["attempts"])
    folder.mkdir(parents=True, exist_ok=True)
    roots = ROOTS.dump_json(wiring.roots(None, opened(Name.HUB_TOKEN, by=found.owner)))
    children.launch(folder, "runs.data.taking", Job.model_validate(found.job).model_dump(mode="json"), roots)
    return True


def _settle(found: Taking, answer: dict[str, Any], folder: Path) -> None:
    """Keep what came out, once."""
    if "refused" in answer:
        _refuse(found, answer["refused"])
        return
    report = Report.model_validate(answer["report"])
    if not report.ok:
        _refuse(found, report.sentence, report, keep_file=report.proposal is not None)
        return
    try:
        with transaction.atomic():
            held = Taking.objects.select_for_update().filter(pk=found.pk, stage=Stage.RUNNING).first()
            if held is None:  # cancelled, or settled by another
                return
            held.dataset = keep(
                by=found.owner, canonical=folder / ROWS, report=report, source=found.source, task=TaskType(found.task_type),
                name=found.name, again="path" in found.job and found.job["path"] is not None,
                original=Original(folder / "file", found.original, told=True) if found.original else None,
            )  # fmt: skip
            held.stage, held.rows, held.done, held.lease_token = Stage.READY, report.rows, held.total, ""
            held.save()
    except Refused as refused:  # a full quota, or too many of that name
        _refuse(found, refused.message)
        return
    shutil.rmtree(folder, ignore_errors=True)
    _next()


def _refuse(found: Taking, reason: str, report: Report | None = None, *, keep_file: bool = False) -> None:
    told = report.model_dump(mode="json") if report else None
    held = Taking.objects.filter(pk=found.pk, stage=Stage.RUNNING)
    held.update(stage=Stage.REFUSED, reason=reason, report=told, lease_token="")
    record("dataset.check.refuse", found.source, by=None, reason=reason[:500])
    folder = wiring.taking_folder(found.key)
    if keep_file:
        (folder / ROWS).unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    _next()


def _next() -> None:
    """One is over: tell those who wait for it, and those who wait for its place."""
    after_commit("runs.tasks.start")
    LEASE.next()
