"""Volumes: `dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>`, or without `dbfs:`, below a configured root.

Chat and instruction data are one `.jsonl` file, or a folder that is a Delta table; continued pretraining takes a folder of
`.txt` files.
"""

from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources import delta
from runs.data.sources.places import PARTS, Parts, Place
from runs.data.sources.roots import place
from runs.data.sources.source import Roots, SourceError
from runs.data.sources.weight import weigh

PREFIXES = ("dbfs:/Volumes/", "/Volumes/")
FORM = "dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>"


class Volumes:
    def takes(self, reference: str) -> bool:
        return reference.startswith(("dbfs:", "/"))

    def pin(self, reference: str, roots: Roots) -> str | None:
        path, version = delta.split_version(reference)
        parts = _parts(path)
        there = place(roots.volumes)
        if not _is_table(there, parts):
            return None
        return f"{path.rstrip('/')}@v{delta.table(there.address(parts), path, version).version()}"

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        path, version = delta.split_version(reference)
        parts = _parts(path)
        pretraining = task is TaskType.CONTINUED_PRETRAIN
        there = place(roots.volumes)
        if _is_table(there, parts):
            return delta.rows(there.address(parts), path, version, roots, task)
        if not pretraining and not parts[-1].lower().endswith(".jsonl"):
            raise SourceError("For chat and instruction data, the path must end in .jsonl.")
        found = there.look(parts)
        if found is None:
            raise SourceError(f"There is nothing at “{'/'.join(parts)}”. Check the spelling; names are case-sensitive.")
        if pretraining and not found.is_folder:
            raise SourceError("For continued pretraining, the path must be a folder that holds .txt files.")
        if not pretraining and found.is_folder:
            raise SourceError("The path is a folder, but this task needs one .jsonl file.")
        weigh(there, found, roots.most)
        local = there.fetched(parts, roots.scratch)
        if pretraining and not any(path.suffix.lower() == ".txt" for path in local.rglob("*")):
            raise SourceError("There is no .txt file in the folder.")
        return local


def _parts(reference: str) -> Parts:
    prefix = next((prefix for prefix in PREFIXES if reference.startswith(prefix)), None)
    if prefix is None:
        raise SourceError(f"“{reference[:100]}” is not a volume path. Write {FORM}.")
    parts = tuple(reference.removeprefix(prefix).rstrip("/").split("/"))
    if len(parts) < PARTS:
        raise SourceError(f"A volume path names catalog, schema and volume: {FORM}.")
    return parts


def _is_table(there: Place, parts: Parts) -> bool:
    log = there.look((*parts, delta.LOG))
    return log is not None and log.is_folder
