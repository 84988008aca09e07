"""A model's files onto the disk: only what training needs, resumed where it stopped, and checked.

A file is `<name>.part` until its size, and its digest where there is one, are right.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from runs.catalog.stores import BLOCK, File, Store
from runs.data.sources import SourceError


def done(folder: Path, files: Iterable[File]) -> int:
    """Bytes that are there already."""
    return sum(_size(folder / file.name) or _size(folder / f"{file.name}.part") for file in files)


def fetch(store: Store, sha: str, file: File, folder: Path, going: Callable[[], bool]) -> bool:
    """Fetch one file, from where it stopped; False when `going` said to stop before the end. Raises SourceError."""
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.is_file():
        return True
    have = _size(part)
    if have < file.size or not part.exists():
        with store.rest(sha, file, have) as rest, part.open("ab" if rest.start else "wb") as out:
            for piece in rest.pieces:
                out.write(piece)
                if out.tell() > file.size:
                    break
                if not going():
                    return False
    _check(file, part)
    part.replace(target)
    return True


def _check(file: File, part: Path) -> None:
    """A file with another size or digest is thrown away, so that the next try begins anew."""
    if (have := _size(part)) != file.size:
        if have > file.size:
            part.unlink()
        raise SourceError(f"{file.name} broke off at {have:,} of {file.size:,} bytes. Fetch it again to go on.")
    expected = file.sha256 or file.blob
    if not expected:
        return
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with part.open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        part.unlink()
        raise SourceError(f"{file.name} is not what the hub says it is: its digest is {digest.hexdigest()}, not {expected}.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
