"""Files in volumes: `/Volumes/<catalog>/<schema>/<volume>/...` below the configured root, and never beside it."""

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runs import wiring
from runs.models import User
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, NotFound, Refused

PARTS = 3  # catalog, schema and volume


class AlreadyThere(Refused):
    code = "already_exists"


class NotEmpty(Refused):
    code = "directory_not_empty"


def resolve(path: str) -> Path:
    """The file or folder that a volume path names; raises Invalid for one that is malformed or leads out of the volume."""
    text = path.removeprefix("dbfs:").lstrip("/")
    if "\x00" in text or len(text) > 4_000:
        raise Invalid("A volume path is at most 4,000 characters, without NUL.", field="path")
    parts = PurePosixPath(text).parts
    if len(parts) <= PARTS or parts[0] != "Volumes" or ".." in parts:
        raise Invalid(f"“{path[:200]}” is not /Volumes/<catalog>/<schema>/<volume>/….", field="path")
    root = wiring.volumes_root()
    volume = root.joinpath(*parts[1 : PARTS + 1]).resolve()
    target = volume.joinpath(*parts[PARTS + 1 :]).resolve()
    if not volume.is_relative_to(root.resolve()) or not target.is_relative_to(volume):  # a link led outside
        raise Invalid(f"“{path[:200]}” leads out of its volume.", field="path")
    return target


def existing_file(path: str) -> Path:
    target = resolve(path)
    if not target.is_file():
        raise NotFound(f"The file {path} does not exist.")
    return target


def existing_folder(path: str) -> Path:
    target = resolve(path)
    if not target.is_dir():
        raise NotFound(f"The directory {path} does not exist.")
    return target


def listing(path: str) -> list[Path]:
    """What a folder holds, in the order of names; names that begin with a dot are ours, or half written."""
    return sorted(entry for entry in existing_folder(path).iterdir() if not entry.name.startswith("."))


def write(*, path: str, chunks: Iterable[bytes], by: User, overwrite: bool) -> Path:
    """Write a file beside its place and rename it: a reader never sees half of it."""
    require(by, "volume.write")
    target = resolve(path)
    if target.is_dir() or (target.exists() and not overwrite):
        raise AlreadyThere(f"The file {path} already exists.")
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{secrets.token_hex(8)}")
    try:
        with beside.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    record("volume.write", path, by=by, bytes=target.stat().st_size)
    return target


def remove(*, path: str, by: User) -> None:
    require(by, "volume.write")
    existing_file(path).unlink()
    record("volume.delete", path, by=by)


def make_folder(*, path: str, by: User) -> None:
    """Create a folder and its parents; one that exists is fine."""
    require(by, "volume.write")
    target = resolve(path)
    if target.is_file():
        raise AlreadyThere(f"{path} is a file.")
    if not target.exists():
        target.mkdir(parents=True, exist_ok=True)
        record("volume.folder", path, by=by)


def remove_folder(*, path: str, by: User) -> None:
    require(by, "volume.write")
    target = existing_folder(path)
    if any(target.iterdir()):
        raise NotEmpty(f"The directory {path} is not empty.")
    shutil.rmtree(target)
    record("volume.delete", path, by=by)
