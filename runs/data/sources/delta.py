"""Delta tables below a configured folder: `catalog.schema.table`, or `catalog.schema.table@v3` for one version of it.

Chat reads the column `messages`, instructions `prompt` and `response` (or `completion`), pretraining `text`; a table becomes
one JSON Lines file in scratch. It knows neither Spark nor a catalog: a table is the folder catalog/schema/table.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from runs.contract.spec import TaskType
from runs.data.sources.source import Roots, SourceError, below
from runs.data.tables import tidy

if TYPE_CHECKING:
    from deltalake import DeltaTable

FORM = "<catalog>.<schema>.<table>"
REFERENCE = re.compile(r"(?P<name>[^/:@\s\\]*\.[^/:@\s\\]*)(@v(?P<version>\d{1,18}))?")
ROWS = 1_024  # of a table in memory
COLUMNS: dict[TaskType, list[tuple[str, ...]]] = {
    TaskType.CHAT_COMPLETION: [("messages",)],
    TaskType.INSTRUCTION_FINETUNE: [("prompt", "response"), ("prompt", "completion")],
    TaskType.CONTINUED_PRETRAIN: [("text",)],
}


class Delta:
    def takes(self, reference: str) -> bool:
        return REFERENCE.fullmatch(reference) is not None

    def pin(self, reference: str, roots: Roots) -> str:
        name, _ = _split(reference)
        return f"{name}@v{_table(reference, roots).version()}"

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        import pyarrow as arrow  # type: ignore[import-untyped]  # large, and most data are files
        from deltalake.exceptions import DeltaError

        if roots.scratch is None:
            raise SourceError("This installation has no folder for tables that are being read. An admin sets DATA_DIR.")
        name, _ = _split(reference)
        table = _table(reference, roots)
        columns = _columns(name, [field.name for field in table.schema().fields], task)
        path = roots.scratch / "table.jsonl"
        try:
            with path.open("wb") as out:
                for row in _rows(table, columns):
                    out.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
        except (DeltaError, arrow.ArrowException, OSError) as error:
            raise SourceError(
                f"The table “{name}” cannot be read: {_first_line(error)}. If its files were vacuumed, name a newer version."
            ) from error
        return path


def _split(reference: str) -> tuple[str, int | None]:
    """The name of three parts, and the version if one is given."""
    found = REFERENCE.fullmatch(reference)
    name = found["name"] if found else reference
    if found is None or name.count(".") != 2 or not all(name.split(".")):
        raise SourceError(f"“{name[:100]}” does not name a table. A table has three parts, none of them empty: {FORM}.")
    return name, int(found["version"]) if found["version"] else None


def _table(reference: str, roots: Roots) -> "DeltaTable":
    """The table at the version asked for, or the newest; nothing of it leads out of its folder."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    name, version = _split(reference)
    folder = below(roots.tables, name.split("."), setting="TABLES_ROOT")
    log = folder / "_delta_log"
    if not log.is_dir():
        raise SourceError(f"There is no Delta table “{name}”: its folder has no _delta_log.")
    _stay([log, *log.iterdir()], folder, name)
    try:
        table = DeltaTable(str(folder))
        if version is not None and version > table.version():
            raise SourceError(f"The table “{name}” has no version {version}; the newest is {table.version()}.")
        if version is not None:
            table.load_as_version(version)
        _stay([Path(uri) for uri in table.file_uris()], folder, name)
    except TableNotFoundError as error:
        raise SourceError(f"There is no Delta table “{name}”.") from error
    except (DeltaError, OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"The table “{name}” cannot be opened: {_first_line(error)}.") from error
    return table


def _stay(paths: list[Path], folder: Path, name: str) -> None:
    """Refuse links that lead out: a table is read with the rights of the server."""
    if not all(path.resolve().is_relative_to(folder) for path in paths):
        raise SourceError(f"The table “{name}” names files outside its folder.")


def _columns(name: str, there: list[str], task: TaskType) -> tuple[str, ...]:
    wanted = COLUMNS[task]
    for columns in wanted:
        if set(columns) <= set(there):
            return columns
    needed = " or ".join(" and ".join(f"“{column}”" for column in columns) for columns in wanted)
    found = ", ".join(f"“{column}”" for column in there[:20])
    raise SourceError(f"For {task.value}, a table needs {needed}. “{name}” has the columns {found}.")


def _rows(table: "DeltaTable", columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """File by file, in the table's own order: the same version gives the same bytes."""
    from pyarrow.dataset import ParquetFragmentScanOptions  # type: ignore[import-untyped]

    in_pieces = ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)  # else whole row groups fill the memory
    batches = table.to_pyarrow_dataset().to_batches(
        columns=list(columns),
        batch_size=ROWS,
        batch_readahead=1,
        fragment_readahead=1,
        fragment_scan_options=in_pieces,
        use_threads=False,
    )
    for batch in batches:
        yield from map(tidy, batch.to_pylist())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["for no stated reason"])[0][:200].rstrip(".")
