"""Files on their way in, part by part: a cut costs what was in flight, and the rest goes on from where it stands.

An arrival is two files in a folder of its own: what has come, and whose it is. It is nobody else's, is no data set before it is
whole and checked, and is gone after a day. No process needs to remember anything, so any of them may take the next part.
"""

import fcntl
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from runs import wiring
from runs.models import User
from runs.services import quotas
from runs.services.audit import record
from runs.services.locks import transaction_lock
from runs.services.permissions import require
from runs.services.refused import Invalid, NotFound, Refused

MOST = 64 << 30  # bytes of one file
SPARE = 1 << 30  # bytes that stay free on the disk
OPEN = 20  # arrivals of one person at once
KEPT = 24 * 3600  # seconds since the last part
KEY = re.compile("[0-9a-f]{32}")


class WrongPlace(Refused):
    """The part does not begin where the file stands; `received` says where that is."""

    code = "wrong_place"


class TooMany(Refused):
    code = "too_many_uploads"


@dataclass(frozen=True)
class Arrival:
    key: str
    filename: str
    bytes: int
    received: int

    @property
    def path(self) -> Path:
        return _folder() / self.key / "file"


def begin(*, by: User, filename: str, size: int) -> Arrival:
    """Announce a file of `size` bytes; its parts may then come."""
    require(by, "dataset.create")
    _sweep()
    if size > MOST or size > shutil.disk_usage(_folder()).free - SPARE:
        raise Invalid(f"There is no room for a file of {size:,} bytes.", field="bytes")
    with transaction.atomic():
        transaction_lock(f"arrivals of {by.pk}")  # of two that would each be the last to fit, one waits for the other
        open_ones = [folder for folder in _folder().iterdir() if _owner(folder) == by.pk]
        quotas.may_keep(by, size + sum(_about(folder).get("bytes", 0) for folder in open_ones))
        if len(open_ones) >= OPEN:
            raise TooMany(f"You have {OPEN} unfinished uploads. Finish or delete one.")
        arrival = Arrival(secrets.token_hex(16), Path(filename.replace("\x00", "")).name[-255:] or "data.jsonl", size, 0)
        record("upload.begin", arrival.filename, by=by, bytes=size)
        arrival.path.parent.mkdir()
        arrival.path.touch()
        about = {"owner": by.pk, "filename": arrival.filename, "bytes": size}
        (arrival.path.parent / "about.json").write_text(json.dumps(about))
    return arrival


def find(*, by: User, key: str) -> Arrival:
    folder = _folder() / key
    if not KEY.fullmatch(key) or _owner(folder) != by.pk:
        raise NotFound("There is no such upload among yours. Begin it anew.")
    about = json.loads((folder / "about.json").read_text())
    return Arrival(key, about["filename"], about["bytes"], (folder / "file").stat().st_size)


def append(*, by: User, key: str, offset: int, chunks: Iterable[bytes]) -> Arrival:
    """Add a part that begins at `offset`. Of a part that breaks off, what has come stays."""
    arrival = find(by=by, key=key)
    with arrival.path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongPlace("Another part of this file is arriving. Ask where it stands, and go on from there.") from None
        if file.tell() != offset:
            raise WrongPlace(f"The file stands at {file.tell():,} bytes, but the part begins at {offset:,}. Go on from there.")
        for chunk in chunks:
            if file.tell() + len(chunk) > arrival.bytes:
                raise Invalid(f"More came than the {arrival.bytes:,} bytes that were announced.", field="bytes")
            file.write(chunk)
    return find(by=by, key=key)


def drop(*, by: User, key: str) -> None:
    """Forget it; what has come is deleted."""
    arrival = find(by=by, key=key)
    shutil.rmtree(arrival.path.parent, ignore_errors=True)
    record("upload.delete", arrival.filename, by=by)


@contextmanager
def whole(*, by: User, key: str) -> Iterator[Arrival]:
    """An arrival of which every byte is here; it is gone afterwards, unless the body raised."""
    arrival = find(by=by, key=key)
    if arrival.received != arrival.bytes:
        said = f"Only {arrival.received:,} of {arrival.bytes:,} bytes of “{arrival.filename}” have come."
        raise Invalid(f"{said} Send the rest.", field="upload")
    yield arrival
    shutil.rmtree(arrival.path.parent, ignore_errors=True)


def _folder() -> Path:
    folder = wiring.arrivals()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _about(folder: Path) -> dict[str, Any]:
    """Empty for a folder that is being made or deleted."""
    try:
        return dict(json.loads((folder / "about.json").read_text()))
    except (OSError, ValueError):
        return {}


def _owner(folder: Path) -> int | None:
    return _about(folder).get("owner")


def _sweep() -> None:
    """Delete what nobody has touched for a day."""
    for folder in _folder().iterdir():
        try:
            stale = time.time() - (folder / "file").stat().st_mtime > KEPT
        except OSError:
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)
