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

from runs.data.foreign import foreign
from runs.data.kinds import UTF8
from runs.data.report import Findings, Unreadable
from runs.data.signatures import GZIP, binary, signed, wide

HEAD = 1 << 16  # bytes looked at before anything is read
BUFFER = 1 << 20
FREE = 32 << 20  # unpacked bytes that are never a bomb
RATIO = 200  # unpacked bytes for each packed one; JSON lines reach 5 to 20
MOST = 64 << 30  # unpacked bytes in all
Peekable: TypeAlias = "io.BufferedReader[Any]"
PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<table", b"<!--")
MARK = b"\xef\xbb\xbf"


class Unpacked(io.RawIOBase):
    """The content of a gzip file; raises Unreadable when it grows out of proportion or is damaged."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=packed, mode="rb")
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def _reason(self, error: Exception) -> str:
        if isinstance(error, EOFError):
            return "it breaks off in the middle"
        if self._bytes and "Not a gzipped file" in str(error):
            return "other bytes follow its packed data"
        return str(error).rstrip(".")

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            data = self._file.read(min(len(buffer), BUFFER))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Unreadable("broken_archive", f"The gzip file cannot be unpacked: {self._reason(error)}.") from error
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
    with io.BufferedReader(_raw(path), BUFFER) as file:
        if file.peek(2)[:2] != GZIP:
            yield file, False
            return
        _probe(path)
        with io.BufferedReader(Unpacked(cast(BinaryIO, file)), BUFFER) as unpacked:
            yield unpacked, True


def _raw(path: Path) -> io.FileIO:
    try:
        return io.FileIO(path)
    except OSError as error:
        raise Unreadable("missing", f"The file cannot be opened: {error.strerror}.", remedy="Make it readable.") from error


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
    name = signed(head)  # the numbers in a binary file may look like UTF-16
    if not name and (encoding := wide(head)):
        raise Unreadable("encoding", f"The file is {encoding}, not UTF-8.", remedy=UTF8.format(encoding=encoding))
    if name := name or binary(head):
        raise Unreadable("binary", f"This is {name}.")


def skip_mark(stream: Peekable, findings: Findings) -> None:
    """Step over a byte order mark, or several of them where files were joined, with a warning."""
    if stream.peek(3).startswith(MARK):
        findings.add("bom", "The file begins with a byte order mark.", line=1)
    while stream.peek(3).startswith(MARK):
        stream.read(3)


def web_page(start: bytes) -> bool:
    return start[:15].lstrip().lower().startswith(PAGE)


def refuse_pointer(start: bytes) -> None:
    if start.startswith(b"version https://git-lfs.github.com/"):
        raise Unreadable("pointer", "This is a pointer of Git LFS, not the file that it stands for.", line=1)


def refuse_other_things(start: bytes, *, rows: bool) -> None:
    """Raise Unreadable for text that stands where the data should be; where `rows` of JSON should be, for other formats too."""
    refuse_pointer(start)
    if web_page(start):
        raise Unreadable("html", "This is a web page, not data.", line=1)
    if b"<Error>" in start[:300] and start.startswith(b"<"):
        raise Unreadable("html", "This is an error message of a storage service, not data.", line=1)
    found = foreign(start) if rows else None
    if found:
        raise Unreadable("json", f"This is {found[0]}, not JSON.", line=1, remedy=found[1])
