"""A folder of this machine as a place: links are followed only while they stay in their volume."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from runs.data.sources.places import PARTS, Entry, Parts, checked
from runs.data.sources.refusal import SourceError


class Local:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def path(self, parts: Parts) -> Path:
        """Where it is, links followed; neither root nor volume is left."""
        checked(parts)
        try:
            volume = self._root.joinpath(*parts[:PARTS]).resolve()
            path = volume.joinpath(*parts[PARTS:]).resolve()
        except (OSError, RuntimeError) as error:
            raise SourceError("The path cannot be followed; it may contain a link that leads to itself.") from error
        if not volume.is_relative_to(self._root) or not path.is_relative_to(volume):
            raise SourceError("The path leads out of the folder that may be read.")
        return path

    def look(self, parts: Parts) -> Entry | None:
        return _seen(self.path(parts), parts)

    def list(self, parts: Parts) -> list[Entry]:
        try:
            found = sorted(self.path(parts).iterdir())
        except OSError as error:
            raise SourceError(f"The folder cannot be listed: {error.strerror}.") from error
        entries = [_seen(path, (*parts, path.name)) for path in found if not path.name.startswith(".")]
        return [entry for entry in entries if entry]

    def open(self, parts: Parts) -> BinaryIO:
        return self.path(parts).open("rb")

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> int:
        target = self.path(parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{secrets.token_hex(8)}")
        try:
            with beside.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
        return target.stat().st_size

    def remove(self, parts: Parts) -> None:
        self.path(parts).unlink()

    def make_folder(self, parts: Parts) -> None:
        self.path(parts).mkdir(parents=True, exist_ok=True)

    def remove_folder(self, parts: Parts) -> None:
        shutil.rmtree(self.path(parts))

    def fetched(self, parts: Parts, scratch: Path | None) -> Path:  # noqa: ARG002 - nothing is copied
        return self.path(parts)

    def address(self, parts: Parts) -> str:
        return str(self.path(parts))


def _seen(path: Path, parts: Parts) -> Entry | None:
    try:
        status = path.stat()
    except OSError:  # nothing there, a name that is too long, a folder that may not be entered
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, and a device never ends
        return None
    return Entry(parts, is_folder, 0 if is_folder else status.st_size, status.st_mtime)
