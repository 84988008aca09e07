"""JSON Lines: a line at a time into rows, and for a line that is not JSON the exact reason.

Lines that are plainly right are read by `fast`; the others here, by orjson, and by the slower parser of the standard library
where orjson refuses, because it says more.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any, BinaryIO

import orjson

from runs.data.report import Findings, Unreadable

BLOCK = 1 << 17  # bytes handled together: enough to be fast, small enough for the processor's cache
TOGETHER = 256  # rows of other formats
HUGE = 64 << 20  # bytes of a line that is refused, so that a file without line feeds does not fill the memory

Item = tuple[int, Any, bytes]  # line, parsed row, the line itself (empty where the row was not a line)


class Batch:
    """Rows that are checked together. `lines` are raw lines without their line feeds, where the rows were lines."""

    def __init__(self, numbers: Sequence[int], rows: Sequence[Any] = (), lines: list[bytes] | None = None) -> None:
        self.numbers, self.lines = numbers, lines or []
        self._rows = rows

    def __len__(self) -> int:
        return len(self.numbers)

    def items(self) -> Iterable[Item]:
        """Row by row. Of lines, those that are JSON; the others are explained where they were read from."""
        return zip(self.numbers, self._rows, repeat(b""), strict=False)


def read_lines(file: BinaryIO, findings: Findings) -> Iterator[Batch]:
    """Yield lines, block by block. They are parsed only when a batch is asked for its items."""
    reader = _Reader(findings)
    for number, lines in _blocks(file):
        reader.note(lines)
        yield _Lines(number, lines, reader)


def _blocks(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines without their line feeds, about `BLOCK` bytes of them at once, and the number of the first."""
    number, size = 1, 0
    begun: list[bytes] = []  # of a line whose end is not yet read
    while block := file.read(BLOCK):
        head, feed, rest = block.rpartition(b"\n")
        if feed:
            lines = b"".join((*begun, head)).split(b"\n")
            yield number, lines
            number, size, begun = number + len(lines), 0, []
        begun.append(rest)
        size += len(rest)
        if size > HUGE:
            raise Unreadable("huge_line", f"The line is longer than {HUGE:,} bytes.", line=number)
    if last := b"".join(begun):
        yield number, [last]


class _Reader:
    """Remembers blank lines until something follows them: at the end of a file they are nobody's business."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._blank = 0

    def note(self, lines: list[bytes]) -> None:
        if self._blank and any(map(bytes.strip, lines)):
            self.findings.add("blank_line", "This line is blank.", line=self._blank)
            self._blank = 0

    def blank(self, number: int) -> None:
        self._blank = self._blank or number


class _Lines(Batch):
    """Lines that may be rows."""

    def __init__(self, first: int, lines: list[bytes], reader: _Reader) -> None:
        super().__init__(range(first, first + len(lines)), lines=lines)
        self._reader = reader

    def items(self) -> Iterator[Item]:
        for number, line in zip(self.numbers, self.lines, strict=True):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                if not line.strip():
                    self._reader.blank(number)
                    continue
                self._reader.note([line])
                _explain(line, number, error, self._reader.findings)
            else:
                self._reader.note([line])
                yield number, row, line


def batched(items: Iterator[Item]) -> Iterator[Batch]:
    """Rows that did not come from lines, in the same form. What was read before a file breaks off is still passed on."""
    numbers: list[int] = []
    rows: list[Any] = []
    try:
        for number, row, _ in items:
            numbers.append(number)
            rows.append(row)
            if len(rows) == TOGETHER:
                yield Batch(numbers, rows)
                numbers, rows = [], []
    except Unreadable as stop:
        yield Batch(numbers, rows)
        raise stop
    yield Batch(numbers, rows)


PARSER_SAYS = {  # what json's own words leave open
    "Unterminated string starting at": "A text begins and does not end",
    "Invalid control character at": "A control character stands in a text",
    "Extra data": "Something follows the object",
}


def _explain(line: bytes, number: int, error: orjson.JSONDecodeError, findings: Findings) -> None:
    if number == 1 and line.strip() in (b"{", b"[{"):
        raise Unreadable("spread_out", "The first line holds only the beginning of an object.", line=1)
    kind, message, remedy = diagnose(line, str(error))
    findings.add(kind, message, line=number, remedy=remedy)


def diagnose(line: bytes, reason: str) -> tuple[str, str, str]:
    """Why a line is not JSON: kind, message, and a remedy where it differs from the kind's own."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return _undecodable(line, error)
    if "\x00" in text:
        return "nul", f"There is a NUL character at column {text.index(chr(0)) + 1}.", ""
    if text.startswith("\ufeff"):
        return "json", "The line begins with a byte order mark, as where two files were joined.", "Remove the mark."
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        said = PARSER_SAYS.get(error.msg, error.msg)
        return "json", f"{said}, column {error.pos + 1}: {excerpt(text, error.pos)}", _hint(text, error)
    except _NotFiniteError as error:
        return "not_finite", f"The value {error} is not JSON.", ""
    except RecursionError:
        return "deep", "Objects or lists are nested hundreds of levels deep.", ""
    except ValueError:  # Python's own limit for whole numbers
        return "number", "The line holds a number with thousands of digits.", ""
    if "infinity" in reason:
        return "number", "The line holds a number that is too large for any computer's floating point.", ""
    match = re.search(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text)
    if match and "surrogate" in reason:
        return "surrogate", f"Column {match.start() + 1} has a lone surrogate: {excerpt(text, match.start())}", ""
    if "ecursion" in reason:
        return "deep", "Objects or lists are nested hundreds of levels deep.", ""
    return "json", f"{reason}.", ""


def _hint(text: str, error: json.JSONDecodeError) -> str:
    """What to do about a slip that many make; empty for the others."""
    rest = text[error.pos :]
    if error.msg == "Extra data":
        if rest.strip() == ",":
            return "Take the comma at the end away: rows are parted by line feeds alone."
        if rest.lstrip(", \r\u2028\u0085").startswith(("{", "\\n{")):
            return "Another object begins here: put each on a line of its own, and end lines with line feeds."
    if re.match(r"\s*[\[{(]*\s*'", text) or re.search(r"[:,\[]\s*(True|False|None)\b", text[: error.pos + 8]):
        return "This is Python's notation: str(row) writes it; json.dumps(row) writes JSON."
    if rest.startswith(("NULL", "undefined", "ObjectId(", "ISODate(", "NumberLong(")):
        return "JSON has no such word; export the data again as strict JSON."
    if error.msg.startswith("Unterminated string") and "\n" not in text:
        return "The line breaks off inside a text: a line feed in it must be written \\n, or the file was cut off here."
    if error.msg.startswith("Invalid control character"):
        return "Write line feeds and tabs in texts as \\n and \\t, as json.dumps(row) does."
    return ""


def _undecodable(line: bytes, error: UnicodeDecodeError) -> tuple[str, str, str]:
    if line[error.start] == 0xED and error.start + 1 < len(line) and line[error.start + 1] >= 0xA0:
        return "surrogate", f"Bytes of a lone surrogate at byte {error.start + 1} of the line.", ""
    guess = line[max(0, error.start - 20) : error.start + 20].decode("cp1252", errors="replace").strip()
    return "encoding", f"Byte {error.start + 1} of the line is not UTF-8. Read as Windows-1252 it says “{guess}”.", ""


def repeated_keys(line: bytes) -> list[str]:
    """Keys that an object of the line has twice; the last value would win silently. A line too deep for this has none."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            keys = [key for key, _ in pairs]
            found.extend(key for key in row if keys.count(key) > 1)
        return row

    with suppress(RecursionError):
        json.loads(line, object_pairs_hook=note)
    return found


def excerpt(text: str, position: int, around: int = 30) -> str:
    """The text around a position, with a mark where the fault is."""
    before, after = text[max(0, position - around) : position], text[position : position + around]
    lead, trail = "…" if position > around else "", "…" if position + around < len(text) else ""
    return f"{lead}{before}⟨here⟩{after}{trail}"


class _NotFiniteError(ValueError):
    pass


def _refuse(constant: str) -> Any:
    raise _NotFiniteError(constant)
