"""Rows of a canonical file by number and by what they say. Reads as little of the file as it can, and never holds it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson

from runs.data.rows import Row

STRIDE = 1_000  # rows between two known places of a file
SECONDS = 1.5  # of searching before the caller is asked whether to go on


@dataclass(frozen=True)
class Found:
    """Rows with their numbers, counted from 1. `next` is where to go on, None at the end; `read` is the last row looked at."""

    rows: list[tuple[int, Row]]
    next: int | None
    read: int


def rows_from(path: Path, first: int, limit: int) -> Found:
    """`limit` rows, beginning with number `first`."""
    found: list[tuple[int, Row]] = []
    for number, line in _lines(path, first):
        if len(found) == limit:
            return Found(found, number, number - 1)
        found.append((number, orjson.loads(line)))
    return Found(found, None, found[-1][0] if found else first - 1)


def search(path: Path, words: str, first: int, limit: int, seconds: float = SECONDS) -> Found:
    """Rows that hold these words as they stand, whatever their case, beginning with number `first`.

    Ends after `limit` rows or `seconds`, whichever comes first.
    """
    wanted = words.casefold()
    written = orjson.dumps(wanted)[1:-1] if wanted.isascii() else None  # as the file has it
    until, found, number = time.monotonic() + seconds, list[tuple[int, Row]](), first - 1
    for number, line in _lines(path, first):
        if len(found) == limit or (number % STRIDE == 0 and time.monotonic() > until):
            return Found(found, number, number - 1)
        if written is None or written in line.lower():
            row = orjson.loads(line)
            if any(wanted in text.casefold() for text in texts(row)):
                found.append((number, row))
    return Found(found, None, number)


def texts(row: Row) -> list[str]:
    """What a row says, without its keys."""
    if "messages" in row:
        return [message["content"] for message in row["messages"]]
    return [value for key, value in row.items() if key != "part"]


def _lines(path: Path, first: int) -> Iterator[tuple[int, bytes]]:
    """Lines from number `first` on."""
    first = max(1, first)
    with path.open("rb", buffering=1 << 20) as file:
        number = 1
        if first > STRIDE:
            known = _places(path, path.stat().st_size)
            step = min((first - 1) // STRIDE, len(known) - 1)
            file.seek(int(known[step]))
            number = step * STRIDE + 1
        for line in file:
            if number >= first:
                yield number, line
            number += 1


@lru_cache(maxsize=8)
def _places(path: Path, _: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Where every thousandth row begins. A gigabyte takes a second, once."""
    places, rows, before = [0], 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            feeds = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
            starts = range(STRIDE - rows % STRIDE, len(feeds) + 1, STRIDE)
            places.extend(before + int(feeds[ordinal - 1]) + 1 for ordinal in starts)
            rows += len(feeds)
            before += len(block)
    return np.array(places, np.int64)
