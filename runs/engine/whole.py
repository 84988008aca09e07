"""Folders that are whole or absent: written beside, flushed to disk, renamed; and what tells that a file is whole."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".tmp-"


def beside(folder: Path) -> Path:
    """Where a folder is written before it has its name."""
    return folder.with_name(f"{UNFINISHED}{folder.name}")


@contextmanager
def nothing_half_done(place: Path, *, clean: bool = True) -> Iterator[None]:
    """Whatever goes wrong within it, `place` is gone afterwards; with `clean`, an earlier attempt's leavings go first."""
    if clean:
        shutil.rmtree(place, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def sweep(folder: Path) -> None:
    """Delete what was left half-written in `folder` by an engine that was killed."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def settle(place: Path, final: Path) -> None:
    """Give a folder that is complete its name, once all of it is on the disk."""
    for path in (*place.iterdir(), place):
        flush(path)
    shutil.rmtree(final, ignore_errors=True)
    place.rename(final)
    flush(final.parent)


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
