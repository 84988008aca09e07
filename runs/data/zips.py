"""A .zip of .txt files for continued pretraining. An archive is a stranger's program: nothing of it is believed.

Members are read where they are and never unpacked to disk.
"""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runs.data.lines import Item
from runs.data.opening import guard
from runs.data.report import Findings, Unreadable
from runs.data.texts import read_one_of_many

DIRECTORY = 16 << 20  # bytes of the list of members; some 100,000 long names, and the memory that they take
TAIL = 66_000  # bytes in which the end of a zip file is found
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
MARKS = {  # a member that says what the archive really is
    "[Content_Types].xml": ("an Office document", "Save the text as .txt, or the rows as .csv."),
    "mimetype": ("an OpenDocument file or an e-book", "Save the text as .txt, or the rows as .csv."),
    "data.pkl": ("a PyTorch checkpoint, which holds weights and not rows", ""),
    "AndroidManifest.xml": ("a program", ""),
    "MANIFEST.MF": ("a Java program", ""),
}
JOINED = "Unpack each, and pack all texts into one archive."
REGULAR = 0, stat.S_IFREG  # what Windows and Unix write for a file


def read_zip(file: "Path | BinaryIO", findings: Findings, *, wanted: bool) -> Iterator[Item]:
    """Every .txt, in the order of their names. Raises Unreadable for an archive that is not to be trusted or not `wanted`."""
    try:
        _refuse_crowds(file)
        with zipfile.ZipFile(file) as archive:
            members = _trusted(archive)
            _refuse_joined(archive)
            if not wanted:
                raise Unreadable("archive", "This is a zip archive.")
            yield from _texts(archive, members, findings)
    except BROKEN as error:
        reason, remedy = _reason(error)
        raise Unreadable("broken_archive", f"The zip file cannot be unpacked: {reason}.", remedy=remedy) from error


def _reason(error: Exception) -> tuple[str, str]:
    """Why, and the remedy where it is not the usual one."""
    if isinstance(error, NotImplementedError):
        return str(error).rstrip("."), "Pack the texts again by the usual method, deflate."
    if isinstance(error, UnicodeDecodeError):
        return "the name of a file in it is not UTF-8", "Give the files plain names, and pack them again."
    return str(error).rstrip(".") or type(error).__name__, ""


def _texts(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], findings: Findings) -> Iterator[Item]:
    texts = []
    for member in sorted(members, key=lambda member: member.filename):
        name = PurePosixPath(member.filename)
        if name.suffix.lower() == ".txt" and not name.name.startswith("._") and "__MACOSX" not in name.parts:
            texts.append(member)
        else:
            findings.add("skipped_file", f"“{member.filename}” is not a .txt file.", file=member.filename)
    if not texts:
        raise Unreadable("archive", "There is no .txt file in the archive.")
    for member in texts:
        with archive.open(member) as file:
            yield from read_one_of_many(file, findings, member.filename)  # type: ignore[arg-type]


def _trusted(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = set()
    for member in members:
        name = member.filename
        path = PurePosixPath(name.replace("\\", "/"))
        if ".." in path.parts or name.startswith(("/", "\\")) or name[1:2] == ":":
            raise Unreadable("archive", f"The archive names the path “{name}”, which leads out of its folder.")
        if member.flag_bits & 1:
            raise Unreadable("archive", "The archive is protected by a password.", remedy="Pack it again without one.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Unreadable("archive", f"“{name}” is a link.", remedy="Pack the files themselves.")
        if stat.S_IFMT(member.external_attr >> 16) not in REGULAR:
            raise Unreadable("archive", f"“{name}” is a device or pipe, not a file.", remedy="Pack files alone.")
        if path.name in MARKS:
            what, remedy = MARKS[path.name]
            raise Unreadable("binary", f"This is {what}.", remedy=remedy)
        if name in names:
            raise Unreadable("archive", f"“{name}” is in the archive twice.", remedy="Pack the files again, each once.")
        names.add(name)
    guard(sum(member.file_size for member in members), sum(member.compress_size for member in members))
    return members


def _refuse_joined(archive: zipfile.ZipFile) -> None:
    """Of archives written one behind the other only the last one would be read."""
    begins = min((member.header_offset for member in archive.infolist()), default=archive.start_dir)
    if begins > 0 and archive.fp is not None:
        archive.fp.seek(0)
        if archive.fp.read(4) == b"PK\x03\x04":
            raise Unreadable(
                "archive",
                "Other data stand before this archive, as if two were joined: only the last would be read.",
                remedy=JOINED,
            )


def _refuse_crowds(file: "Path | BinaryIO") -> None:
    """Look at the size of the list of members before it is read: all of it would be in memory at once."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            _refuse_crowds(opened)
        return
    file.seek(0, 2)
    file.seek(max(0, file.tell() - TAIL))
    tail = file.read()
    file.seek(0)
    at, large = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    size = struct.unpack_from("<I", tail, at + 12)[0] if 0 <= at <= len(tail) - 16 else 0
    if size == 0xFFFFFFFF and 0 <= large <= len(tail) - 48:
        size = struct.unpack_from("<Q", tail, large + 40)[0]
    if DIRECTORY < size < 0xFFFFFFFF:
        raise Unreadable("archive", "The archive holds far too many files.", remedy="Join the texts into fewer, larger files.")
