"""Opens what a person gave as a stream of bytes: gzip unpacked under guard, binary files and wrong encodings refused.

Knows how bytes look, not what rows are.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from runs.data.kinds import UTF8
from runs.data.report import Findings, Unreadable
from runs.data.signatures import GZIP, binary, wide

HEAD = 1 << 16  # bytes looked at before anything is read
BUFFER = 1 << 20
FREE = 32 << 20  # unpacked bytes that are never a bomb
RATIO = 200  # unpacked bytes for each packed one; JSON lines reach 5 to 20
MOST = 64 << 30  # unpacked bytes in all
Peekable: TypeAlias = "io.BufferedReader[Any]"
MARK = b"\xef\xbb\xbf"


class Unpacked(io.RawIOBase):
    """The content of a gzip file; raises Unreadable when it grows out of proportion or is damaged."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=packed, mode="rb")
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            data = self._file.read(min(len(buffer), BUFFER))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Unreadable("broken_archive", f"The gzip file cannot be unpacked: {error}.") from error
        self._bytes += len(data)
        guard(self._bytes, self._packed.tell())
        buffer[: len(data)] = data
        return len(data)


def guard(unpacked: int, packed: int) -> None:
    """Raise Unreadable when packed bytes unpack to more than data ever do."""
    if unpacked > MOST or (unpacked > FREE and unpacked > RATIO * max(packed, 1)):
        raise Unreadable("bomb", f"{packed:,} packed bytes unpack to {unpacked:,} bytes and more.")


@contextmanager
def opened(path: Path) -> Iterator[tuple[Peekable, bool]]:
    """The bytes of a file, unpacked if it is gzip, and whether it is."""
    with io.BufferedReader(io.FileIO(path), BUFFER) as file:
        if file.peek(2)[:2] != GZIP:
            yield file, False
            return
        _probe(path)
        with io.BufferedReader(Unpacked(cast(BinaryIO, file)), BUFFER) as unpacked:
            yield unpacked, True


def _probe(path: Path) -> None:
    """Unpack the first part and throw it away, so that a bomb is called a bomb and not whatever its bytes look like."""
    with path.open("rb") as file, Unpacked(file) as unpacked:
        buffer = bytearray(BUFFER)
        for _ in range(2 * FREE // BUFFER):
            if not unpacked.readinto(buffer):
                return


def refuse_binary(head: bytes) -> None:
    """Raise Unreadable when the first bytes are not those of UTF-8 text."""
    if not head:
        raise Unreadable("empty", "The file has no bytes.")
    if encoding := wide(head):
        raise Unreadable("encoding", f"The file is {encoding}, not UTF-8.", remedy=UTF8.format(encoding=encoding))
    if name := binary(head):
        raise Unreadable("binary", f"This is {name}.")


def skip_mark(stream: Peekable, findings: Findings) -> None:
    """Step over a byte order mark, or several of them where files were joined, with a warning."""
    if stream.peek(3).startswith(MARK):
        findings.add("bom", "The file begins with a byte order mark.", line=1)
    while stream.peek(3).startswith(MARK):
        stream.read(3)


def refuse_other_things(start: bytes) -> None:
    """Raise Unreadable for text that stands where the data should be: a web page, or a pointer to the file."""
    if start[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise Unreadable("html", "This is a web page, not data.", line=1)
    if start.startswith(b"version https://git-lfs.github.com/"):
        raise Unreadable("pointer", "This is a pointer of Git LFS, not the file that it stands for.", line=1)
