"""Hugging Face data sets that an admin has put on disk: `<org>/<name>/<split>`, or `<name>/<split>`.

Reads one file, `<split>.<ending>` or `data/<split>*.<ending>` as the hub lays it out. Never runs code of a data set.
"""

import re
from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources.source import Roots, SourceError, below

ENDINGS = (".jsonl", ".parquet", ".json", ".csv", ".jsonl.gz")
PART = r"[A-Za-z0-9][A-Za-z0-9._\-]*"
SHARD = re.compile(r"-\d+-of-(\d+)$")


class HuggingFace:
    def takes(self, reference: str) -> bool:
        return re.fullmatch(rf"{PART}(/{PART}){{1,2}}", reference) is not None

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        if task is TaskType.CONTINUED_PRETRAIN:
            raise SourceError("Continued pretraining reads a folder of .txt files in a volume, not a Hugging Face data set.")
        *names, split = reference.split("/")
        folder = below(roots.huggingface, names, setting="HUGGINGFACE_ROOT")
        found = [path for path in _files(folder, split) if path.resolve().is_relative_to(folder)]
        if not found:
            raise SourceError(f"The data set “{'/'.join(names)}” has no split “{split}”.")
        if len(found) > 1:
            raise SourceError(f"The split “{split}” lies in {len(found)} files; only splits of one file are read so far.")
        return found[0]


def _files(folder: Path, split: str) -> list[Path]:
    """The files of a split: named exactly so, or with the hub's `-00000-of-00001` behind."""
    candidates = [path for place in (folder, folder / "data") if place.is_dir() for path in sorted(place.iterdir())]
    return [
        path
        for path in candidates
        for ending in ENDINGS
        if path.is_file() and path.name.endswith(ending) and SHARD.sub("", path.name.removesuffix(ending)) == split
    ]
