"""A JSON array of rows, read one element at a time: the file may be larger than the memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from runs.data.lines import HUGE, Item, excerpt
from runs.data.report import Findings, Unreadable

BLOCK = 1 << 18  # characters read at once
_BETWEEN = re.compile(r"[ \t\r\n]*")


class _NotFiniteError(ValueError):
    pass


def read_array(file: BinaryIO, findings: Findings) -> Iterator[Item]:
    """Yield the elements of `[..., ...]`. Raises Unreadable where the array cannot be read on."""
    window = _Window(file)
    window.skip()
    window.position += 1  # the opening bracket, which the caller has seen
    number = 0
    while window.skip() != "]" or number:
        number += 1
        row, repeated = window.element(number)
        for key in repeated:
            findings.add("duplicate_key", f"The key “{key[:40]}” is there twice.", line=number, field=key[:40])
        if not repeated:
            yield number, row, b""
        mark = window.skip()
        if mark == "]":
            break
        if mark != ",":
            fault = "There is no comma" if mark else "The array does not end"
            raise Unreadable("json", f"{fault} after row {number:,}: {window.shown()}", line=number)
        window.position += 1
        if window.skip() == "]":
            message = f"A comma stands behind the last row, row {number:,}."
            raise Unreadable("json", message, line=number, remedy="Take this comma away.")
    window.position += 1
    if window.skip():
        raise Unreadable("json", f"Something follows after the end of the array: {window.shown()}")


class _Window:
    """The part of the text that is being read."""

    def __init__(self, file: BinaryIO) -> None:
        self._reader = codecs.getreader("utf-8")(file)
        self._ended = False
        self._repeated: list[str] = []
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_refuse)
        self.text, self.position = "", 0

    def skip(self) -> str:
        """Go to the next character that is not white space, and return it; empty at the end of the file."""
        while True:
            match = _BETWEEN.match(self.text, self.position)
            self.position = match.end() if match else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self._more(BLOCK):
                return ""

    def element(self, number: int) -> tuple[Any, list[str]]:
        """The value here, and keys that an object in it has twice."""
        size = BLOCK
        while True:
            self._repeated = []
            try:
                row, self.position = self._decoder.raw_decode(self.text, self.position)
            except json.JSONDecodeError as error:
                if len(self.text) - self.position < HUGE and self._more(size):
                    size *= 2
                    continue
                shown = excerpt(self.text, error.pos)
                if "\x00" in self.text[max(0, error.pos - 1) : error.pos + 1]:
                    raise Unreadable("nul", f"Row {number} has a NUL character: {shown}", line=number) from error
                raise Unreadable("json", f"Row {number}: {error.msg}: {shown}", line=number) from error
            except _NotFiniteError as error:
                raise Unreadable("not_finite", f"Row {number} holds the value {error}.", line=number) from error
            except RecursionError as error:
                raise Unreadable("deep", f"Row {number} is nested hundreds of levels deep.", line=number) from error
            except ValueError as error:  # Python's own limit for whole numbers
                raise Unreadable("number", f"Row {number} holds a number with thousands of digits.", line=number) from error
            return row, self._repeated

    def shown(self) -> str:
        return excerpt(self.text, self.position)

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        try:
            block = self._reader.read(size, size)
        except UnicodeDecodeError as error:
            raise Unreadable("encoding", f"The file is not UTF-8: {error.reason}.") from error
        self._ended = not block
        self.text, self.position = self.text[self.position :] + block, 0
        return bool(block)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            keys = [key for key, _ in pairs]
            self._repeated += [key for key in row if keys.count(key) > 1]
        return row


def _refuse(constant: str) -> Any:
    raise _NotFiniteError(constant)
