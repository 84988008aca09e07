"""Canonical rows: the one file format behind every data set, one JSON object a line, UTF-8, `\\n`.

Reading trusts the file, because `validation.check` wrote it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield each row of a canonical file: `messages`, or `prompt` and `response`, or `text`."""
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            yield orjson.loads(line)


def write_row(row: Row) -> bytes:
    """One canonical line. Keys keep the order they are given in, so equal rows are equal bytes."""
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def count(path: Path) -> int:
    """Number of rows, without parsing them."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
