"""Which reader a file needs, told from its first bytes and its name. Every reader yields line number, row, and the raw line."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import orjson

from runs.contract.spec import TaskType
from runs.data.arrays import read_array
from runs.data.lines import Batch, batched, read_lines
from runs.data.opening import HEAD, Peekable, opened, refuse_binary, refuse_other_things, skip_mark
from runs.data.report import Findings, Unreadable
from runs.data.signatures import GZIP, PARQUET, ZIP
from runs.data.tables import read_csv, read_parquet
from runs.data.texts import read_folder, read_text
from runs.data.zips import read_zip

LINES = (".jsonl", ".ndjson", ".jsonlines")
TABLES = (".csv", ".tsv")
NOT_PARQUET = "Export it again, or give the file the ending of what it is."
AROUND = ("data", "train", "rows", "examples")  # under which other tools put the rows
NAMES = {**dict.fromkeys(LINES, "JSON Lines"), ".json": "JSON", ".csv": "CSV", ".tsv": "CSV", ".parquet": "Parquet",
         ".txt": "text", ".zip": "zip of texts"}  # fmt: skip


def ending(name: str) -> str:
    """The file's ending in lower case, without .gz: `.jsonl` of `Rows.JSONL.gz`."""
    return Path(name.strip().lower().removesuffix(".gz").removesuffix(".gzip")).suffix


def read(path: Path, name: str, task: TaskType, findings: Findings, scratch: Path | None = None) -> Iterator[Batch]:
    """Every row of a file or folder. Raises Unreadable when it cannot be read on.

    A file that cannot be read from its start to its end, parquet or zip, and is packed with gzip besides, is unpacked to a
    nameless file in `scratch` (the system's own folder without it).
    """
    if not path.exists():
        raise Unreadable("missing", f"There is no file “{name}”.")
    if path.is_dir():
        if task is not TaskType.CONTINUED_PRETRAIN:
            raise Unreadable(
                "format", "Several files, or a folder, are texts for continued pretraining; this task needs one .jsonl file."
            )
        yield from batched(read_folder(path, findings))
        return
    with opened(path) as (stream, packed):
        head = stream.peek(HEAD)[:HEAD]
        if head.startswith((PARQUET, *ZIP)):
            with _whole(stream, scratch) if packed else nullcontext(path) as whole:
                yield from batched(
                    read_parquet(whole, findings)
                    if head.startswith(PARQUET)
                    else read_zip(whole, findings, wanted=task is TaskType.CONTINUED_PRETRAIN)
                )
            return
        if packed and head.startswith(GZIP):
            raise Unreadable("archive", "The file is packed twice.", remedy="Unpack it once; one gzip around the rows is read.")
        refuse_binary(head)
        skip_mark(stream, findings)
        yield from _text(stream, name, task, findings)


@contextmanager
def _whole(stream: Peekable, scratch: Path | None) -> Iterator[BinaryIO]:
    """The unpacked bytes as a file that can be read from anywhere, gone afterwards."""
    with TemporaryFile(dir=scratch) as file:
        shutil.copyfileobj(stream, file, HEAD)
        file.seek(0)
        yield file


def _text(stream: Peekable, name: str, task: TaskType, findings: Findings) -> Iterator[Batch]:
    suffix = ending(name)
    start = stream.peek(HEAD)[:HEAD].lstrip()
    if suffix == ".txt":
        if task is not TaskType.CONTINUED_PRETRAIN:
            raise Unreadable(
                "format", "A .txt file holds raw text, which is for continued pretraining; this task needs .jsonl."
            )
        return batched(read_text(stream, findings))
    refuse_other_things(start, rows=suffix in (*LINES, ".json"))
    if not start and len(stream.peek(HEAD)) < HEAD:
        raise Unreadable("empty", "The file holds only blank lines.")
    if suffix in TABLES:
        return batched(read_csv(stream, findings))
    if suffix == ".json":
        return _json(stream, start, findings)
    if suffix in LINES or (not suffix and start.startswith(b"{")):
        if start.startswith(b"[") and not _is_line(start):
            raise Unreadable("json_array", "The file is one JSON array, not one object a line.", line=1)
        return read_lines(stream, findings)
    if suffix == ".parquet":
        raise Unreadable(
            "format", "The name ends in .parquet, but the file does not begin as parquet does.", remedy=NOT_PARQUET
        )
    raise Unreadable("format", f"Files ending in “{suffix[:20]}” are not read." if suffix else "The file name has no ending.")


def _is_line(start: bytes) -> bool:
    """Whether the first line is a whole JSON value, so that the fault is in this line and not in the file's format."""
    first, feed, rest = start.partition(b"\n")
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    return bool(feed and rest.strip()) and not (isinstance(value, list) and value and isinstance(value[0], dict))


def _spread(first: bytes, *, whole: bool) -> bool:
    """Whether the first line is the beginning of an object that goes on in the next: nothing is wrong with it but its end."""
    try:
        json.loads(first)
    except json.JSONDecodeError as error:
        return whole and error.pos >= len(first.decode().rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def _json(stream: Peekable, start: bytes, findings: Findings) -> Iterator[Batch]:
    if start.startswith(b"["):
        return batched(read_array(stream, findings))
    if not start.startswith(b"{"):
        raise Unreadable("json", "The file begins with neither [ nor {.", line=1)
    first, _, rest = start.partition(b"\n")
    inside = next((key for key in AROUND if f'"{key}"'.encode() in start[:200]), None)
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        value = None
    if value is None and not _spread(first, whole=len(start) < HEAD or b"\n" in start):
        return read_lines(stream, findings)  # which says what is wrong with the first one
    if not isinstance(value, dict) or (not rest.strip() and inside and isinstance(value.get(inside), list)):
        remedy = f"Save the list under “{inside}” as a file of its own." if inside else ""
        raise Unreadable("one_object", "The file is one JSON object, not a list of rows.", remedy=remedy)
    return read_lines(stream, findings)
