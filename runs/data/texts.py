"""Raw text for continued pretraining: a .txt file, a folder of them, or a .zip of them.

A document becomes one row, or several where it is long: `{"text", "part": "first" | "middle" | "last"}`.
"""

import codecs
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runs.data.lines import Item
from runs.data.opening import HEAD, MARK, guard, refuse_binary
from runs.data.report import Findings, Unreadable
from runs.data.rows import Row

BLOCK = 1 << 18  # bytes
LONGEST = 1 << 15  # characters of one row


def read_text(file: BinaryIO, findings: Findings, name: str = "") -> Iterator[Item]:
    """One document as rows. Raises Unreadable at the first byte that is not UTF-8."""
    previous, cut = "", False
    for number, text in enumerate(_parts(file, name), 1):
        if number > 1:
            yield number - 1, {"text": previous, "part": "middle" if cut else "first"}, b""
            cut = True
        previous = text
    if not cut and not previous.strip():
        findings.add("empty_document", "The document is empty.", file=name)
        return
    row: Row = {"text": previous, "part": "last"} if cut else {"text": previous}
    yield 1, row, b""


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
            yield from read_text(file, findings, name)
    if not found:
        raise Unreadable("format", "There is no .txt file in the folder.", remedy="Put the texts there as .txt files.")


def read_zip(path: Path, findings: Findings) -> Iterator[Item]:
    """Every .txt of a .zip, in the order of their names. Raises Unreadable for an archive that is not to be trusted."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(_trusted(archive), key=lambda member: member.filename)
            texts = [member for member in members if member.filename.lower().endswith(".txt")]
            if not texts:
                raise Unreadable("archive", "There is no .txt file in the archive.")
            for member in members:
                if member not in texts:
                    findings.add("skipped_file", f"“{member.filename}” is not a .txt file.", file=member.filename)
            for member in texts:
                with archive.open(member) as file:
                    yield from read_text(file, findings, member.filename)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise Unreadable("broken_archive", f"The zip file cannot be unpacked: {error}.") from error


def _trusted(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or member.filename[1:2] == ":":
            raise Unreadable("archive", f"The archive names the path “{member.filename}”, which leads out of its folder.")
        if member.flag_bits & 1:
            raise Unreadable("archive", "The archive is protected by a password.", remedy="Pack it again without one.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Unreadable("archive", f"“{member.filename}” is a link.", remedy="Pack the files themselves.")
        if member.filename == "[Content_Types].xml":
            raise Unreadable("binary", "This is an Office document.", remedy="Save the text as .txt, or the rows as .csv.")
    guard(sum(member.file_size for member in members), sum(member.compress_size for member in members))
    return members


def _parts(file: BinaryIO, name: str) -> Iterator[str]:
    """The text in pieces of at most `LONGEST` characters, cut after a paragraph, else a line, else a word."""
    decoder, rest, line = codecs.getincrementaldecoder("utf-8")(), "", 1
    first = True
    while True:
        block = file.read(BLOCK)
        if first and block:
            refuse_binary(block[:HEAD])
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
