"""Hugging Face data sets: `<org>/<name>/<split>`, or `<name>/<split>`, with `@<commit>` behind for one version.

A copy on disk that an admin made comes first, then the hub. Data files are read and code of a data set is never run.
"""

import re
from pathlib import Path

import orjson

from runs.contract.spec import TaskType
from runs.data.formats import read
from runs.data.report import Findings, Unreadable
from runs.data.sources.hub import Hub
from runs.data.sources.refusal import within
from runs.data.sources.source import Roots, SourceError, below
from runs.data.sources.splits import files_of

PART = r"[A-Za-z0-9][A-Za-z0-9._\-]*"
REFERENCE = re.compile(rf"(?P<name>{PART}(/{PART})?)/(?P<split>{PART})(@(?P<commit>[0-9a-f]{{7,40}}))?")


class HuggingFace:
    def takes(self, reference: str) -> bool:
        return REFERENCE.fullmatch(reference) is not None

    def pin(self, reference: str, roots: Roots) -> str | None:
        name, split, commit = _parts(reference)
        if commit:
            return reference
        if _local(roots, name):
            return None
        sha = _hub(roots).describe(name).get("sha")
        if not isinstance(sha, str) or not re.fullmatch("[0-9a-f]{7,40}", sha):
            raise SourceError(f"The hub does not say which version of “{name}” is the newest.")
        return f"{name}/{split}@{sha}"

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        if task is TaskType.CONTINUED_PRETRAIN:
            raise SourceError("Continued pretraining reads a folder of .txt files in a volume, not a Hugging Face data set.")
        name, split, commit = _parts(reference)
        folder = None if commit else _local(roots, name)
        paths = _on_disk(folder, split) if folder else _fetched(name, split, commit, roots)
        stats = [path.stat() for path in paths]
        size, changed = sum(stat.st_size for stat in stats), max((stat.st_mtime for stat in stats), default=0)
        within(roots.most, size, stamp=f"{size} {changed}")
        return paths[0] if len(paths) == 1 else _joined(paths, roots, task)


def _parts(reference: str) -> tuple[str, str, str | None]:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise SourceError("Write <org>/<name>/<split>.")
    return found["name"], found["split"], found["commit"]


def _local(roots: Roots, name: str) -> Path | None:
    """The folder of a copy on disk, if there is one."""
    if roots.huggingface is None or (roots.hub is not None and not (roots.huggingface / name).is_dir()):
        return None
    return below(roots.huggingface, name.split("/"), setting="HUGGINGFACE_ROOT")


def _hub(roots: Roots) -> Hub:
    if roots.hub is None:
        raise SourceError("This installation reads no data sets from Hugging Face. An admin sets HF_ENDPOINT.")
    return roots.hub


def _on_disk(folder: Path, split: str) -> list[Path]:
    inside = [path for path in folder.rglob("*") if path.is_file() and path.resolve().is_relative_to(folder)]
    return [folder / file for file in files_of(split, [path.relative_to(folder).as_posix() for path in inside])]


def _fetched(name: str, split: str, commit: str | None, roots: Roots) -> list[Path]:
    hub = _hub(roots)
    about = hub.describe(name, commit)
    files = files_of(
        split, [entry.get("rfilename") for entry in about["siblings"] if isinstance(entry, dict)], about.get("cardData")
    )
    return hub.download(name, commit or str(about.get("sha") or "main"), files, _scratch(roots), roots.most)


def _scratch(roots: Roots) -> Path:
    if roots.scratch is None:
        raise SourceError("This installation has no folder for what is being fetched. An admin sets DATA_DIR.")
    return roots.scratch


def _joined(paths: list[Path], roots: Roots, task: TaskType) -> Path:
    """The rows of all files of a split, in order, as one JSON Lines file."""
    joined = _scratch(roots) / "split.jsonl"
    with joined.open("wb") as out:
        for path in paths:
            findings = Findings()
            try:
                for batch in read(path, path.name, task, findings):
                    for _, row, line in batch.items():
                        out.write((line.rstrip(b"\r\n") or orjson.dumps(row, default=str)) + b"\n")
            except Unreadable as error:
                raise SourceError(f"{path.name}: {error.message} {error.remedy}".strip()) from error
            if findings.failed:
                first = next(problem for group in findings.groups() for problem in group.problems)
                raise SourceError(f"{path.name}, line {first.line or 1:,}: {first.message} {first.remedy}".strip())
    return joined
