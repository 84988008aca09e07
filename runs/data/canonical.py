"""Writes the canonical file with the digest of its bytes, and finds rows that are there twice."""

import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from runs.data.report import LISTED, Findings

TOGETHER = 1 << 20  # bytes written and hashed at once
REMEMBERED = 10_000_000  # rows compared for copies; 12 bytes each
WINDOW = 1_000_000  # rows looked through at once for copies


class Canonical:
    """A file that is deleted again unless `keep` was called. Without a path, only counts and hashes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = path.open("wb") if path else None
        self._hash = hashlib.sha256()
        self._pending: list[bytes] = []
        self._size = 0
        self._kept = False
        self.rows = 0

    def __enter__(self) -> "Canonical":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()
        if self._path and not self._kept:
            self._path.unlink(missing_ok=True)

    def write(self, lines: bytes, rows: int) -> None:
        """Add complete lines."""
        self.rows += rows
        self._pending.append(lines)
        self._size += len(lines)
        if self._size > TOGETHER:
            self._flush()

    def keep(self) -> str:
        """Finish the file; return its digest as `sha256:<hex>`."""
        self._flush()
        if self._file:
            self._file.flush()
        self._kept = True
        return f"sha256:{self._hash.hexdigest()}"

    def _flush(self) -> None:
        block = b"".join(self._pending)
        self._pending, self._size = [], 0
        self._hash.update(block)
        if self._file:
            self._file.write(block)


class Copies:
    """Finds rows that are equal, by a 64 bit hash of their canonical bytes: 12 bytes of memory a row."""

    def __init__(self) -> None:
        self._hashes, self._lines = array("q"), array("I")

    def note(self, lines: Iterable[int], rows: Iterable[bytes]) -> None:
        if len(self._hashes) < REMEMBERED:
            self._hashes.extend(map(hash, rows))
            self._lines.extend(lines)

    def report(self, findings: Findings) -> None:
        """Say which rows repeat an earlier one: the first hundred by line, all by number."""
        import numpy as np  # slow to import, and only needed here

        hashes = np.frombuffer(self._hashes, dtype=np.int64) if self._hashes else np.empty(0, np.int64)
        ordered = np.sort(hashes)
        again = ordered[1:] == ordered[:-1]
        total, repeated = int(again.sum()), np.unique(ordered[1:][again])
        del ordered, again
        first: dict[int, int] = {}
        listed = 0
        for start in range(0, len(hashes) if total else 0, WINDOW):
            for offset in np.flatnonzero(np.isin(hashes[start : start + WINDOW], repeated)).tolist():
                value, line = self._hashes[start + offset], self._lines[start + offset]
                if value in first and listed < LISTED:
                    findings.add("duplicate_row", f"The row equals that of line {first[value]:,}.", line=line)
                    listed += 1
                first.setdefault(value, line)
            if listed == LISTED:
                break
        if total > listed:
            findings.count("duplicate_row", total - listed)
