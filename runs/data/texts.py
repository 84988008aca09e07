"""Raw text for continued pretraining: a .txt file, or a folder of them.

A document becomes one row, or several where it is long: `{"text", "part": "first" | "middle" | "last"}`.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from runs.data.blobs import encoded
from runs.data.foreign import TABLE, foreign
from runs.data.lines import Item
from runs.data.opening import HEAD, MARK, refuse_binary, refuse_pointer, web_page
from runs.data.report import Findings, Unreadable
from runs.data.rows import Row

BLOCK = 1 << 18  # bytes
LONGEST = 1 << 15  # characters of one row


def read_text(file: BinaryIO, findings: Findings, name: str = "") -> Iterator[Item]:
    """One document as rows. Raises Unreadable at the first byte that is not UTF-8."""
    previous, cut = "", False
    for number, text in enumerate(_parts(file, name), 1):
        if number == 1:
            _point_out(text, findings, name)
        if number > 1:
            yield number - 1, {"text": previous, "part": "middle" if cut else "first"}, b""
            cut = True
        previous = text
    if not cut and not previous.strip():
        findings.add("empty_document", "The document is empty.", file=name)
        return
    row: Row = {"text": previous, "part": "last"} if cut else {"text": previous}
    yield 1, row, b""


def _point_out(text: str, findings: Findings, name: str) -> None:
    """Warn of what begins like something else than prose."""
    start = text[:100].lstrip()
    if web_page(start.encode()) or start.startswith("<?xml"):
        what = "XML" if start.startswith("<?xml") else "a web page"
        findings.add("markup", f"This is {what}; it is read as plain text, tags and all.", line=1, file=name)
    if sentence := encoded(text):
        findings.add("encoded", sentence, line=1, file=name)
    if (table := foreign(text[:1_000].encode())) and table[0] == TABLE:
        findings.add("rows_as_text", "This is a table; it is read as plain text.", line=1, file=name, remedy=table[1])
    if _is_row(text):
        findings.add("rows_as_text", "The first line is JSON; it is read as plain text.", line=1, file=name)


def _is_row(text: str) -> bool:
    """Whether the first line is a JSON object of its own, or a list of them."""
    first = text.partition("\n")[0].strip()
    if not first.startswith(("{", "[{")) or not first.endswith(("}", "]")):
        return False
    try:
        return isinstance(orjson.loads(first), dict | list)
    except ValueError:
        return False


def read_one_of_many(file: BinaryIO, findings: Findings, name: str) -> Iterator[Item]:
    """A text among others: when it cannot be read, that is said, and the next one follows."""
    try:
        yield from read_text(file, findings, name)
    except Unreadable as stop:
        findings.add(stop.kind, stop.message, line=stop.line, file=name, remedy=stop.remedy)


def read_folder(folder: Path, findings: Findings) -> Iterator[Item]:
    """Every .txt below a folder, in the order of their names; links are not followed."""
    found = False
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() != ".txt":
            findings.add("skipped_file", f"“{name}” is not a .txt file.", file=name)
            continue
        found = True
        with path.open("rb") as file:
            yield from read_one_of_many(file, findings, name)
    if not found:
        raise Unreadable("format", "There is no .txt file in the folder.", remedy="Put the texts there as .txt files.")


def _parts(file: BinaryIO, name: str) -> Iterator[str]:
    """The text in pieces of at most `LONGEST` characters, cut after a paragraph, else a line, else a word."""
    decoder, rest, line = codecs.getincrementaldecoder("utf-8")(), "", 1
    first = True
    while True:
        block = file.read(BLOCK)
        if first and block:
            refuse_binary(block[:HEAD])
            refuse_pointer(block)
            block, first = block.removeprefix(MARK), False
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line += block[: error.start].count(b"\n")
            message = f"The text is not UTF-8 near line {line:,}."
            raise Unreadable("encoding", message, line=line, file=name) from error
        if "\x00" in text:
            raise Unreadable(
                "nul", "The text holds NUL characters.", line=line + text[: text.index("\x00")].count("\n"), file=name
            )
        line += text.count("\n")
        rest += text
        while len(rest) > LONGEST:
            end = _cut(rest)
            yield rest[:end]
            rest = rest[end:]
        if not block:
            break
    if rest:
        yield rest


def _cut(text: str) -> int:
    for mark in ("\n\n", "\n", " "):
        at = text.rfind(mark, LONGEST // 2, LONGEST)
        if at >= 0:
            return at + len(mark)
    return LONGEST
