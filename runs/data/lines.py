"""JSON Lines: a line at a time into rows, and for a line that is not JSON the exact reason.

The parser is orjson; the slower one of the standard library is asked only where orjson refuses, because it says more.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from runs.data.report import Findings, Unreadable

LONG = 1_000_000  # characters of a line that is pointed out
HUGE = 64 << 20  # bytes of a line that is refused, so that a file without line feeds does not fill the memory

Item = tuple[int, Any, bytes]  # line, parsed row, the line itself (empty where the row was not a line)


def read_lines(file: BinaryIO, findings: Findings) -> Iterator[Item]:
    """Yield each line that is JSON; put the others into the findings."""
    number, blank = 0, 0
    loads = orjson.loads
    while line := file.readline(HUGE):
        number += 1
        try:
            row = loads(line)
        except orjson.JSONDecodeError as error:
            if not line.strip():
                blank = blank or number
                continue
            _explain(line, number, error, findings)
            continue
        if blank:
            findings.add("blank_line", "This line is blank.", line=blank)
            blank = 0
        if len(line) > LONG:
            findings.add("long_line", f"The row is {len(line):,} bytes long.", line=number)
        yield number, row, line


def _explain(line: bytes, number: int, error: orjson.JSONDecodeError, findings: Findings) -> None:
    if len(line) >= HUGE and not line.endswith(b"\n"):
        raise Unreadable("huge_line", f"The line is longer than {HUGE >> 20} MiB.", line=number)
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
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return "json", f"{error.msg}, column {error.pos + 1}: {excerpt(text, error.pos)}", ""
    except _NotFiniteError as error:
        return "not_finite", f"The value {error} is not JSON.", ""
    except RecursionError:
        return "deep", "Objects or lists are nested hundreds of levels deep.", ""
    match = re.search(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text)
    if match and "surrogate" in reason:
        return "surrogate", f"Column {match.start() + 1} has a lone surrogate: {excerpt(text, match.start())}", ""
    if "ecursion" in reason:
        return "deep", "Objects or lists are nested hundreds of levels deep.", ""
    return "json", f"{reason}.", ""


def _undecodable(line: bytes, error: UnicodeDecodeError) -> tuple[str, str, str]:
    if line[error.start] == 0xED and error.start + 1 < len(line) and line[error.start + 1] >= 0xA0:
        return "surrogate", f"Bytes of a lone surrogate at byte {error.start + 1} of the line.", ""
    guess = line[max(0, error.start - 20) : error.start + 20].decode("cp1252", errors="replace").strip()
    return "encoding", f"Byte {error.start + 1} of the line is not UTF-8. Read as Windows-1252 it says “{guess}”.", ""


def repeated_keys(line: bytes) -> list[str]:
    """Keys that an object of the line has twice; the last value would win silently."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            keys = [key for key, _ in pairs]
            found.extend(key for key in row if keys.count(key) > 1)
        return row

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
