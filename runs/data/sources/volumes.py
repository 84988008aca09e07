"""Volumes: `dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>`, or without `dbfs:`, below a configured folder.

Chat and instruction data are one `.jsonl` file; continued pretraining takes a folder of `.txt` files.
"""

from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources.source import Roots, SourceError, below

PREFIXES = ("dbfs:/Volumes/", "/Volumes/")
FORM = "dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>"


class Volumes:
    def takes(self, reference: str) -> bool:
        return reference.startswith(("dbfs:", "/"))

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        prefix = next((prefix for prefix in PREFIXES if reference.startswith(prefix)), None)
        if prefix is None:
            raise SourceError(f"“{reference[:100]}” is not a volume path. Write {FORM}.")
        parts = reference.removeprefix(prefix).rstrip("/").split("/")
        if len(parts) < 3:
            raise SourceError(f"A volume path names catalog, schema and volume: {FORM}.")
        pretraining = task is TaskType.CONTINUED_PRETRAIN
        if not pretraining and not parts[-1].lower().endswith(".jsonl"):
            raise SourceError("For chat and instruction data, the path must end in .jsonl.")
        path = below(roots.volumes, parts, setting="VOLUMES_ROOT")
        if pretraining and not path.is_dir():
            raise SourceError("For continued pretraining, the path must be a folder that holds .txt files.")
        if not pretraining and not path.is_file():
            raise SourceError("The path is a folder, but this task needs one .jsonl file.")
        if pretraining and not any(path.rglob("*.txt")):
            raise SourceError("There is no .txt file in the folder.")
        return path
