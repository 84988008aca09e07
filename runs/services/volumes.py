"""Files in volumes: `/Volumes/<catalog>/<schema>/<volume>/...` below the configured root, and never beside it."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import BinaryIO

from django.db import transaction

from runs import wiring
from runs.data.sources import SourceError
from runs.data.sources.places import PARTS, Entry, Parts
from runs.data.sources.remote import FOLDER
from runs.models import User
from runs.services import quotas
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, NotFound, Refused


class AlreadyThere(Refused):
    code = "already_exists"


class NotEmpty(Refused):
    code = "directory_not_empty"


def resolve(path: str) -> Parts:
    """The parts below the root that a volume path names; raises Invalid for one that is malformed or leads out."""
    text = path.removeprefix("dbfs:").lstrip("/")
    if "\x00" in text or len(text) > 4_000:
        raise Invalid("A volume path is at most 4,000 characters, without NUL.", field="path")
    parts = PurePosixPath(text).parts
    if len(parts) <= PARTS or parts[0] != "Volumes" or ".." in parts:
        raise Invalid(f"“{path[:200]}” is not /Volumes/<catalog>/<schema>/<volume>/….", field="path")
    return parts[1:]


def look(path: str) -> Entry | None:
    try:
        return wiring.volumes().look(resolve(path))
    except SourceError as error:
        raise Invalid(f"“{path[:200]}”: {error}", field="path") from error


def existing_file(path: str) -> Entry:
    found = look(path)
    if found is None or found.is_folder:
        raise NotFound(f"The file {path} does not exist.")
    return found


def existing_folder(path: str) -> Entry:
    found = look(path)
    if found is None or not found.is_folder:
        raise NotFound(f"The directory {path} does not exist.")
    return found


def read(found: Entry) -> BinaryIO:
    """A file's bytes, from its start."""
    return wiring.volumes().open(found.parts)


def listing(path: str) -> list[Entry]:
    """What a folder holds, in the order of names; names that begin with a dot are ours, or half written."""
    return wiring.volumes().list(existing_folder(path).parts)


def browse(parts: Parts) -> list[Entry]:
    """What is below the root, from catalogs down to files. Nothing where there is nothing; raises Invalid with the reason."""
    there = wiring.volumes()
    try:
        found = there.look(parts) if parts else None
        return there.list(parts) if not parts or (found and found.is_folder) else []
    except SourceError as error:
        raise Invalid(str(error), field="path") from error


def write(*, path: str, chunks: Iterable[bytes], by: User, overwrite: bool) -> int:
    """Write a file whole or not at all: a reader never sees half of it. Returns its bytes."""
    require(by, "volume.write")
    with transaction.atomic():
        quotas.may_keep(by)
    found = look(path)
    if found and (found.is_folder or not overwrite):
        raise AlreadyThere(f"The file {path} already exists.")
    written = wiring.volumes().write(resolve(path), chunks)
    record("volume.write", path, by=by, bytes=written)
    return written


def remove(*, path: str, by: User) -> None:
    require(by, "volume.write")
    wiring.volumes().remove(existing_file(path).parts)
    record("volume.delete", path, by=by)


def make_folder(*, path: str, by: User) -> None:
    """Create a folder and its parents; one that exists is fine."""
    require(by, "volume.write")
    found = look(path)
    if found and not found.is_folder:
        raise AlreadyThere(f"{path} is a file.")
    if found is None:
        wiring.volumes().make_folder(resolve(path))
        record("volume.folder", path, by=by)


def remove_folder(*, path: str, by: User) -> None:
    require(by, "volume.write")
    if any(entry.name != FOLDER for entry in listing(path)):
        raise NotEmpty(f"The directory {path} is not empty.")
    wiring.volumes().remove_folder(resolve(path))
    record("volume.delete", path, by=by)
