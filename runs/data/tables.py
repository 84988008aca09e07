"""Tables, .csv and .parquet: each row an object, its keys the columns."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from runs.data.lines import Item
from runs.data.opening import Peekable
from runs.data.report import Findings, Unreadable
from runs.data.signatures import PARQUET

DELIMITERS = (",", ";", "\t", "|")
REWRITE = "Write the file again from texts that are UTF-8."
QUOTE = "Give each row one cell for each column, and put quotes around texts with separators in them."
TITLE = "Let the first line name all columns: take a title or comment above it away, and quote texts with separators in them."
UNNAMED = "Name each column there. pandas writes its index as such a column: use to_csv(index=False)."
RENAME = "Let the name end in .jsonl (one object a line) or .json (one array)."
CELL = 64 << 20  # characters; a quote that never closes would otherwise swallow the whole file
FEED = re.compile(rb"\r\n|\r|\n")
SCANNED = 1 << 20  # bytes looked through at once
BATCH = 1_024  # rows of a parquet file in memory

csv.field_size_limit(CELL)


def read_csv(file: Peekable, findings: Findings) -> Iterator[Item]:
    """Rows of a file separated by comma, semicolon, tab or bar, whose first line names the columns."""
    first, before = _begin(file)
    said = first.strip() if first.startswith(b"sep=") else b""  # Excel's way to name the separator
    if said:
        file.readline()
    before += bool(said)
    delimiter = said[4:5].decode("latin-1") if said else max(DELIMITERS, key=lambda mark: first.count(mark.encode()))
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""), delimiter=delimiter or ",", strict=True)
    blank, end = 0, before
    try:
        columns = _columns(next(reader, []), first, before + 1)
        end = reader.line_num + before
        for cells in reader:
            line, end = end + 1, reader.line_num + before  # a cell may hold line feeds
            if not cells:
                blank = blank or line
                continue
            if blank:
                findings.add("blank_line", "This line is blank.", line=blank)
                blank = 0
            if len(cells) != len(columns):
                cell = "cell" if len(cells) == 1 else "cells"
                there = "is 1 column" if len(columns) == 1 else f"are {len(columns)} columns"
                message = f"The row has {len(cells)} {cell}, but there {there}."
                findings.add("table", message, line=line, remedy=TITLE if len(columns) == 1 else QUOTE)
            elif [cell.strip() for cell in cells] == columns:
                findings.add("repeated_header", "The row names the columns once more.", line=line)
            else:
                yield line, _parsed(dict(zip(columns, cells, strict=True))), b""
    except csv.Error as error:
        raise Unreadable("table", f"The row is not valid CSV: {error}.", line=end + 1, remedy=QUOTE) from error
    except UnicodeDecodeError as error:  # of a block that begins in the line after those that were read
        raw, at = error.object, error.start
        line = reader.line_num + before + 1 + len(FEED.findall(raw[:at]))
        begins = max(raw.rfind(b"\n", 0, at) + 1, at - 20)
        guess = raw[begins : at + 20].split(b"\n")[0].decode("cp1252", errors="replace").strip()
        message = f"A byte of the line is not UTF-8. Read as Windows-1252 it says “{guess}”."
        raise Unreadable("encoding", message, line=line) from error


def _begin(file: Peekable) -> tuple[bytes, int]:
    """The first line that is not blank, still to be read, and how many lines were stepped over."""
    before = 0
    while (seen := file.peek(1)) and not seen.split(b"\n", 1)[0].strip():
        file.readline()
        before += 1
    return seen.split(b"\n", 1)[0], before


def _columns(names: list[str], first: bytes, line: int) -> list[str]:
    """The names of the columns. Raises Unreadable where the first line is no header."""
    if first.lstrip().startswith((b"{", b"[")):
        raise Unreadable("format", "The file holds JSON, though its name ends like that of a table.", line=line, remedy=RENAME)
    if first.startswith(b"|"):
        raise Unreadable("table", "This is a Markdown table.", line=line, remedy="Save it as CSV, without bars at the ends.")
    columns = [name.strip() for name in names]
    if "" in columns:
        message = f"Column {columns.index('') + 1} of {len(columns)} has no name in the first line."
        raise Unreadable("table", message, line=line, remedy=UNNAMED)
    if len(set(columns)) < len(columns):
        twice = Counter(columns).most_common(1)[0][0]
        raise Unreadable("table", f"There are two columns “{twice[:40]}”.", line=line, remedy="Keep one of them.")
    return columns


def read_parquet(file: "Path | BinaryIO", findings: Findings) -> Iterator[Item]:
    """Rows of a parquet file, a batch at a time."""
    import pyarrow as arrow  # type: ignore[import-untyped]  # large, and most files are not parquet
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(file, pre_buffer=False, page_checksum_verification=True) as opened:
            names = opened.schema_arrow.names
            if twice := {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else None:
                raise Unreadable("table", f"There are two columns “{min(twice)[:40]}”.", remedy="Keep one of them.")
            _refuse_joined(opened, file)
            number = 0
            for batch in opened.iter_batches(batch_size=BATCH):
                for row in _objects(batch, number, findings):
                    number += 1
                    if row is not None:
                        yield number, tidy(row), b""
    except (arrow.ArrowException, OSError, OverflowError) as error:
        reason = str(error).splitlines()[0][:200].rstrip(".") if str(error) else "unknown"
        raise Unreadable("broken_archive", f"The parquet file cannot be read: {reason}.") from error


def _refuse_joined(opened: Any, file: "Path | BinaryIO") -> None:
    """Of files written one behind the other only the last list of rows is read, and it would point into the first file.

    Between the rows and their list may be an index; what is as long as that at the start is looked through for a file's end.
    """
    groups = (opened.metadata.row_group(group) for group in range(opened.metadata.num_row_groups))
    chunks = [group.column(column) for group in groups for column in range(group.num_columns)]
    ends = [(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size for chunk in chunks]
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as raw:
        size = raw.seek(0, 2)
        raw.seek(size - 8)
        between = size - 8 - int.from_bytes(raw.read(4), "little") - max(ends, default=4)
        raw.seek(0)
        at, kept = 0, b""
        while at < between and (block := raw.read(min(SCANNED, between - at + 8))):
            if (found := (kept + block).find(2 * PARQUET)) >= 4:
                message = f"Two parquet files are joined; the second begins at byte {at - len(kept) + found + 4:,}."
                raise Unreadable(
                    "table", message, remedy="Give each as a data set of its own, or join their rows with pyarrow."
                )
            at, kept = at + len(block), block[-7:]
        raw.seek(0)


def _objects(batch: Any, before: int, findings: Findings) -> list[dict[str, Any] | None]:
    """The rows of a batch; None in place of one that holds text which is not UTF-8, or a value that Python does not have."""
    try:
        return list(batch.to_pylist())
    except (UnicodeDecodeError, ValueError, OverflowError, RecursionError):
        rows: list[dict[str, Any] | None] = []
    for index in range(batch.num_rows):
        try:
            rows += batch.slice(index, 1).to_pylist()
        except UnicodeDecodeError:
            rows.append(None)
            findings.add("encoding", "A text of this row is not UTF-8.", line=before + index + 1, remedy=REWRITE)
        except (ValueError, OverflowError, RecursionError) as error:
            rows.append(None)
            findings.add("not_text", f"A value of this row cannot be read: {str(error)[:100]}.", line=before + index + 1)
    return rows


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
