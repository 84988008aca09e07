"""Tables, .csv and .parquet: each row an object, its keys the columns."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from runs.data.lines import Item
from runs.data.opening import Peekable
from runs.data.report import Findings, Unreadable

CELL = 64 << 20  # characters; a quote that never closes would otherwise swallow the whole file
BATCH = 1_024  # rows of a parquet file in memory

csv.field_size_limit(CELL)


def read_csv(file: Peekable, findings: Findings) -> Iterator[Item]:
    """Rows of a comma, semicolon or tab separated file whose first line names the columns."""
    first = file.peek(1).split(b"\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=lambda mark: first.count(mark.encode()))
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        if len(set(columns)) < len(columns) or not all(columns):
            raise Unreadable("table", "The first line must name each column once, and leave none without a name.", line=1)
        for cells in reader:
            line = reader.line_num
            if not cells:
                findings.add("blank_line", "This line is blank.", line=line)
            elif len(cells) != len(columns):
                findings.add("table", f"The row has {len(cells)} cells, but there are {len(columns)} columns.", line=line)
            else:
                yield line, _parsed(dict(zip(columns, cells, strict=True))), b""
    except csv.Error as error:
        raise Unreadable("table", f"The file is not valid CSV: {error}.", line=reader.line_num) from error
    except UnicodeDecodeError as error:
        raise Unreadable("encoding", f"After line {reader.line_num}, a byte is not UTF-8.", line=reader.line_num) from error


def read_parquet(path: Path) -> Iterator[Item]:
    """Rows of a parquet file, a batch at a time."""
    import pyarrow as arrow  # type: ignore[import-untyped]  # large, and most files are not parquet
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            number = 0
            for batch in file.iter_batches(batch_size=BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, tidy(row), b""
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else "unknown"
        raise Unreadable("broken_archive", f"The parquet file cannot be read: {reason}.") from error


def tidy(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a columnar table as somebody would have written it in JSON."""
    return _parsed(_present(row))


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    """A column of messages may hold them as JSON text."""
    messages = row.get("messages")
    if isinstance(messages, str) and messages.lstrip().startswith("["):
        try:
            return {**row, "messages": orjson.loads(messages)}
        except orjson.JSONDecodeError:
            return row
    return row


def _present(row: dict[str, Any]) -> dict[str, Any]:
    """Without fields of messages that are null only because another row has them."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        return row
    kept = [
        {key: value for key, value in message.items() if value is not None or key in ("role", "content")}
        if isinstance(message, dict)
        else message
        for message in messages
    ]
    return {**row, "messages": kept}
