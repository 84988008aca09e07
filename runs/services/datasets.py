"""Data sets: take files in, find them again, delete them."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import BinaryIO

from django.db import transaction
from django.db.models import Q

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer, TemplateError
from runs.data.sources import SourceError, TooLarge, open_source, pinned
from runs.data.validation import Report, check
from runs.data.vocabulary import fingerprint
from runs.models import BaseModel, DataSet, Run, Taking, User
from runs.models.run import RunQuerySet
from runs.services import arrivals, quotas, shelf, taking
from runs.services.arrivals import Arrival
from runs.services.audit import record
from runs.services.keeping import Original, keep, slug
from runs.services.naming import letters
from runs.services.permissions import may, require
from runs.services.refused import BadData, CannotDelete, Invalid, ModelUnavailable, NotFound, UnknownData
from runs.services.secrets import Name, opened
from runs.services.taking import Place

COPY_BYTES = 1 << 20


def add_upload(
    *, by: User, file: BinaryIO, filename: str, task: TaskType, name: str = "", mapping: str = "", keep_original: bool = False
) -> DataSet:
    """Check an uploaded file and keep its rows as a data set; raise BadData with the whole report when it is unusable.

    A large one is checked in the background: raises StillChecking.

    `keep_original` keeps the file too, for doors that promise it back to the byte.
    """
    require(by, "dataset.create")
    with transaction.atomic():
        quotas.may_keep(by)  # before a long upload is read in vain
    with in_scratch(Path(filename).suffixes) as path:
        digest = hashlib.sha256()
        with path.open("wb") as copy:
            while chunk := file.read(COPY_BYTES):
                copy.write(chunk)
                digest.update(chunk)
        original = f"sha256:{digest.hexdigest()}" if keep_original else ""
        if taking.is_large(path, filename):
            name = f"{slug(name or filename)}-{letters()}" if original else name  # its name is told before it is checked
            taking.begin(by=by, path=path, source=filename, task=task, name=name, mapping=mapping, original=original)
        kept = Original(path, original) if original else None
        return _keep(by=by, path=path, source=filename, task=task, name=name, field="file", mapping=mapping, original=kept)


def add_texts(*, by: User, files: Sequence[tuple[str, BinaryIO]], task: TaskType, name: str = "", mapping: str = "") -> DataSet:
    """Check several .txt files, or all files of a folder, and keep them as one data set. `files` are names and contents."""
    require(by, "dataset.create")
    with transaction.atomic():
        quotas.may_keep(by)
    with TemporaryDirectory(dir=wiring.scratch()) as scratch:
        for number, (filename, file) in enumerate(files, 1):
            plain = Path(filename.replace("\x00", "")).name[-200:] or "file"
            target = Path(scratch, plain)
            with (Path(scratch, f"{number}-{plain}") if target.exists() else target).open("wb") as copy:
                copyfileobj(file, copy, COPY_BYTES)
        source = f"{len(files):,} files"
        if taking.is_large(Path(scratch)):
            taking.begin(by=by, path=Path(scratch), source=source, task=task, name=name or "texts", mapping=mapping)
        return _keep(by=by, path=Path(scratch), source=source, task=task, name=name or "texts", field="file", mapping=mapping)


def add_arrived(*, by: User, key: str, task: TaskType, name: str = "", mapping: str = "") -> DataSet:
    """Check a file that came in parts, where it lies. It is kept when a mapping is proposed, so that it need not come again."""
    require(by, "dataset.create")
    if earlier := taking.refused(by=by, key=key):
        taking.again(by=by, refused=earlier, mapping=mapping)
    with arrivals.whole(by=by, key=key) as file:
        if taking.is_large(file.path, file.filename):
            begun = taking.put(by=by, path=file.path, source=file.filename, task=task, name=name, mapping=mapping)
        else:
            return _keep_arrived(by=by, file=file, task=task, name=name, mapping=mapping)
    raise taking.told(begun, "file")


def _keep_arrived(*, by: User, file: Arrival, task: TaskType, name: str, mapping: str) -> DataSet:
    try:
        return _keep(by=by, path=file.path, source=file.filename, task=task, name=name, field="file", mapping=mapping)
    except BadData as refused:
        if not (isinstance(refused.report, Report) and refused.report.proposal):
            arrivals.drop(by=by, key=file.key)
        raise


def resolve(*, by: User, reference: str, task: TaskType, field: str, mapping: str = "") -> DataSet:
    """The data set that `reference` names: one of ours by name, or a place elsewhere, which is read and kept now.

    `mapping` is the foreign shape that the person confirmed, if any.
    """
    reference = reference.strip()
    if "/" in reference:
        return _read(by=by, reference=reference, task=task, field=field, mapping=mapping)
    dataset = DataSet.objects.visible_to(by).filter(name=reference).first()
    if dataset is None and (file := Taking.objects.files_of(by).filter(name=reference).first()):
        raise taking.told(file, field) if file.is_under_way else taking.refusal(file, field)
    if dataset is None and reference.count(".") == 2:  # names of data sets have no dots
        return _read(by=by, reference=reference, task=task, field=field, mapping=mapping)
    if dataset is None:
        raise UnknownData(
            f"There is no data set “{reference}”. Upload one on the page Data, or write dbfs:/Volumes/….", field=field
        )
    if dataset.task_type != task:
        raise Invalid(f"“{dataset.name}” holds rows for {dataset.task_type}, not for {task.value}.", field=field)
    return dataset


def _read(*, by: User, reference: str, task: TaskType, field: str, mapping: str) -> DataSet:
    """What lies in a volume, a table or the hub. A version that this person had read before is not read again."""
    with TemporaryDirectory(dir=wiring.scratch()) as folder:
        roots = wiring.roots(Path(folder), opened(Name.HUB_TOKEN, by=by), most=taking.MOST)
        version = None
        try:
            version = pinned(reference, roots)
            if version and (earlier := DataSet.objects.filter(owner=by, source=version, task_type=task).first()):
                return earlier
            path = open_source(version or reference, roots, task)
        except TooLarge as large:
            place = Place(version or reference, _name(reference, version), version or large.stamp, large.bytes)
            return taking.of_place(by=by, place=place, task=task, field=field, mapping=mapping)
        except SourceError as error:
            raise UnknownData(str(error), field=field) from error
        source, file = version or reference, path.name if version else ""
        name = _name(reference, version)
        return _keep(by=by, path=path, source=source, task=task, name=name, field=field, mapping=mapping, file=file)


def _name(reference: str, version: str | None) -> str:
    """For the data set of a place."""
    return reference.rstrip("/").rpartition("/")[2] if "Volumes/" in reference else (version or "").partition("@")[0]


def find(*, by: User, name: str) -> DataSet:
    dataset = DataSet.objects.visible_to(by).select_related("owner").filter(name=name).first()
    if dataset is None:
        raise NotFound(f"There is no data set “{name}”.")
    return dataset


def use_count(dataset: DataSet) -> int:
    """Runs that hold it, whoever may see them."""
    return runs_of(dataset).alive().count()


def may_delete(dataset: DataSet, by: User) -> bool:
    return may(by, "dataset.delete", dataset)


@transaction.atomic
def delete(*, dataset: DataSet, by: User) -> None:
    """Deleted runs do not hold it: they keep its name and digest."""
    require(by, "dataset.delete", dataset)
    if count := use_count(dataset):
        some, them = ("A run was", "that run") if count == 1 else (f"{count:,} runs were", "those runs")
        raise CannotDelete(
            f"{some} trained or evaluated on “{dataset.name}”, and can be explained by its rows alone. Delete {them} first."
        )
    _let_go(dataset)
    digest, original = dataset.digest, dataset.original
    kept = {name: getattr(dataset, name) for name in ("digest", "source", "rows", "task_type", "visibility")}
    record("dataset.delete", dataset, by=by, before={**kept, "owner": dataset.owner.username})
    dataset.delete()
    transaction.on_commit(lambda: shelf.clear(digest, original))


def runs_of(dataset: DataSet) -> RunQuerySet:
    """All that were trained or evaluated on it, whoever may see them, deleted ones among them."""
    return Run.objects.filter(Q(dataset=dataset) | Q(eval_dataset=dataset))


def _let_go(dataset: DataSet) -> None:
    """Leave to deleted runs what is to be known of it."""
    about = {name: getattr(dataset, name) for name in ("name", "digest", "source", "rows")}
    for run in runs_of(dataset).select_for_update():
        for field in ("dataset", "eval_dataset"):
            if getattr(run, f"{field}_id") == dataset.pk:
                setattr(run, field, None)
                run.gone_data[field] = about
        run.save_fields(["dataset", "eval_dataset", "gone_data"])


def renderer(model: BaseModel) -> Renderer:
    """The model's tokenizer and template; kept between calls, because a large vocabulary takes a second to read."""
    folder = wiring.model_folder(model)
    if not (folder / "tokenizer.json").is_file():
        raise ModelUnavailable(f"The tokenizer of {model.name} is not on this machine.", field="model")
    try:
        return _renderer(folder, fingerprint(folder))
    except TemplateError as error:
        raise ModelUnavailable(f"{model.name} cannot be used: {error}", field="model") from error


@lru_cache(maxsize=4)
def _renderer(folder: Path, _: str) -> Renderer:
    return Renderer.load(folder)


@contextmanager
def in_scratch(suffixes: list[str]) -> Iterator[Path]:
    """A path for a half-made file, which is gone afterwards unless it was renamed."""
    path = wiring.scratch() / (secrets.token_hex(16) + "".join(suffixes[-2:]))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _keep(
    *,
    by: User,
    path: Path,
    source: str,
    task: TaskType,
    name: str,
    field: str,
    mapping: str = "",
    file: str = "",
    original: Original | None = None,
) -> DataSet:
    """Check what lies at `path` and keep its rows. `file` is its name where the source does not end in one."""
    again = field == "file"
    with in_scratch([".jsonl"]) as canonical:
        report = check(path, task=task, name=file or Path(source).name, canonical=canonical, mapping=mapping or None)
        if not report.ok:
            raise BadData(report.sentence, field=field, report=report)
        return keep(
            by=by, canonical=canonical, report=report, source=source, task=task, name=name, again=again, original=original
        )
