"""What lies below one root, on this machine or wherever fsspec reaches (`s3://`, `abfss://`, `gs://`): to look at, read, write.

A place hands out nothing beside its root: names are checked, and links are followed only while they stay inside.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from runs.data.sources.refusal import SourceError

PARTS = 3  # catalog, schema and volume: links never leave these

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A file or folder. `modified` is in seconds since the epoch, 0 where it is not known."""

    parts: Parts
    is_folder: bool
    bytes: int = 0
    modified: float = 0.0

    @property
    def name(self) -> str:
        return self.parts[-1]


class Place(Protocol):
    """Every method raises SourceError for parts that lead out, and where the place cannot be reached."""

    def look(self, parts: Parts) -> Entry | None: ...

    def list(self, parts: Parts) -> list[Entry]:
        """What a folder holds, in the order of names; names that begin with a dot are ours, or half written."""

    def open(self, parts: Parts) -> BinaryIO: ...

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> int:
        """Write a file whole or not at all; return its bytes."""

    def remove(self, parts: Parts) -> None: ...

    def make_folder(self, parts: Parts) -> None: ...

    def remove_folder(self, parts: Parts) -> None: ...

    def fetched(self, parts: Parts, scratch: Path | None) -> Path:
        """The file or folder as a path of this machine, copied into `scratch` if it is not one already."""

    def address(self, parts: Parts) -> str:
        """As a path or URL that other readers take."""


def checked(parts: Parts) -> Parts:
    if any(part in ("", ".", "..") or "\x00" in part or "\\" in part for part in parts):
        raise SourceError("A path may not contain empty parts, “.”, “..”, backslashes or NUL characters.")
    return parts
