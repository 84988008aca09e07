"""Delta tables below a configured root, folder or URL: `catalog.schema.table`, or `catalog.schema.table@v3` for one version.

Chat reads the column `messages`, instructions `prompt` and `response` (or `completion`), pretraining `text`; a table becomes
one JSON Lines file in scratch. Columns of another tool's shape are read too, for the check to propose a mapping. It knows
neither Spark nor a catalog: a table is the folder catalog/schema/table, or a folder of a volume.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from runs.contract.spec import TaskType
from runs.data.mapping import detect
from runs.data.sources.refusal import within
from runs.data.sources.roots import place
from runs.data.sources.source import Roots, SourceError
from runs.data.tables import tidy

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log"
FORM = "<catalog>.<schema>.<table>"
REFERENCE = re.compile(r"(?P<name>[^/:@\s\\]*\.[^/:@\s\\]*)(@v(?P<version>\d{1,18}))?")
VERSION = re.compile(r"@v(\d{1,18})/?$")
COLOURS = re.compile(r"\x1b\[[\d;]*m")  # of a terminal
ROWS = 1_024  # of a table in memory
BUFFER = 1 << 20  # bytes of a column in memory
COLUMNS: dict[TaskType, list[tuple[str, ...]]] = {
    TaskType.CHAT_COMPLETION: [("messages",)],
    TaskType.INSTRUCTION_FINETUNE: [("prompt", "response"), ("prompt", "completion")],
    TaskType.CONTINUED_PRETRAIN: [("text",)],
}


class Delta:
    def takes(self, reference: str) -> bool:
        return REFERENCE.fullmatch(reference) is not None

    def pin(self, reference: str, roots: Roots) -> str:
        name, version = _named(reference)
        return f"{name}@v{table(_folder(name, roots), name, version).version()}"

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        name, version = _named(reference)
        return rows(_folder(name, roots), name, version, roots, task)


def split_version(reference: str) -> tuple[str, int | None]:
    """`/Volumes/a/b/c/table@v3` as its path and 3; None where no version is named."""
    found = VERSION.search(reference)
    return (reference[: found.start()], int(found[1])) if found else (reference, None)


def table(address: str, name: str, version: int | None) -> "DeltaTable":
    """The table at the version asked for, or the newest; nothing of it leads out of its folder."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    _stay_home(address, name)
    try:
        found = DeltaTable(address)
        if version is not None and version > found.version():
            raise SourceError(f"The table “{name}” has no version {version}; the newest is {found.version()}.")
        if version is not None:
            found.load_as_version(version)
        _stay(found.file_uris(), address, name)
    except TableNotFoundError as error:
        raise SourceError(f"There is no Delta table “{name}”.") from error
    except (DeltaError, OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"The table “{name}” cannot be opened: {_reason(error)}.") from error
    return found


def rows(address: str, name: str, version: int | None, roots: Roots, task: TaskType) -> Path:
    """The table's rows as a file of JSON lines in scratch."""
    import pyarrow as arrow  # type: ignore[import-untyped]  # large, and most data are files
    from deltalake.exceptions import DeltaError

    if roots.scratch is None:
        raise SourceError("This installation has no folder for tables that are being read. An admin sets DATA_DIR.")
    found = table(address, name, version)
    path = roots.scratch / "table.jsonl"
    try:
        columns = _columns(found, name, task)
        with path.open("wb") as out:
            for row in _rows(found, columns):
                within(roots.most, out.tell())
                out.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
    except (DeltaError, arrow.ArrowException, OSError) as error:
        raise SourceError(
            f"The table “{name}” cannot be read: {_reason(error)}. If its files were vacuumed, name a newer version."
        ) from error
    return path


def _named(reference: str) -> tuple[str, int | None]:
    """The name of three parts, and the version if one is given."""
    name, version = split_version(reference)
    if name.count(".") != 2 or not all(name.split(".")):
        raise SourceError(f"“{name[:100]}” does not name a table. A table has three parts, none of them empty: {FORM}.")
    return name, version


def _folder(name: str, roots: Roots) -> str:
    there, parts = place(roots.tables, "TABLES_ROOT"), tuple(name.split("."))
    if there.look(parts) is None:
        raise SourceError(f"There is nothing at “{'/'.join(parts)}”. Check the spelling; names are case-sensitive.")
    return there.address(parts)


def _stay_home(address: str, name: str) -> None:
    """Refuse links of this machine that lead out: a table is read with the rights of the server."""
    if "://" in address:
        return
    log = Path(address) / LOG
    if not log.is_dir():
        raise SourceError(f"There is no Delta table “{name}”: its folder has no {LOG}.")
    _stay([str(log), *map(str, log.iterdir())], address, name)


def _stay(paths: list[str], address: str, name: str) -> None:
    remote = "://" in address
    inside = (
        path.startswith(f"{address}/") and ".." not in path.split("/")
        if remote
        else Path(path).resolve().is_relative_to(address)
        for path in paths
    )
    if not all(inside):
        raise SourceError(f"The table “{name}” names files outside its folder.")


def _columns(found: "DeltaTable", name: str, task: TaskType) -> tuple[str, ...]:
    """What the task reads; or all columns, where together they have the shape of another tool's rows."""
    there, wanted = [field.name for field in found.schema().fields], COLUMNS[task]
    for columns in wanted:
        if set(columns) <= set(there):
            return columns
    if detect(next(_rows(found, tuple(there)), None), task):
        return tuple(there)
    needed = " or ".join(" and ".join(f"“{column}”" for column in columns) for columns in wanted)
    listed = ", ".join(f"“{column}”" for column in there[:20])
    raise SourceError(f"For {task.value}, a table needs {needed}. “{name}” has the columns {listed}.")


def _rows(found: "DeltaTable", columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """File by file, in the table's own order: the same version gives the same bytes.

    The table says which files, and deltalake refuses what it cannot read; each file is then read page by page, because a scan
    of a data set keeps whole row groups in memory. Columns of a partition are in no file, and younger ones not in old files.
    """
    from pyarrow.dataset import get_partition_keys  # type: ignore[import-untyped]
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

    for fragment in found.to_pyarrow_dataset().get_fragments():
        fixed = get_partition_keys(fragment.partition_expression)
        with fragment.open() as opened, ParquetFile(opened, pre_buffer=False, buffer_size=BUFFER) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=ROWS, columns=there, use_threads=False):
                for row in batch.to_pylist() if there else [{}] * batch.num_rows:
                    yield tidy({name: row.get(name, fixed.get(name)) for name in columns})


def _reason(error: Exception) -> str:
    """What deltalake says, from the outermost to the innermost; an address may hold a signature and is left out."""
    lines = [COLOURS.sub("", line).strip(" ↳") for line in str(error).splitlines()]
    said = ": ".join(line for line in lines if line and "://" not in line)
    return (said or "for no stated reason")[:300].rstrip(".")
