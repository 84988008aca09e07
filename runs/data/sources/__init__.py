"""Where data come from. A new source is one file here and one line in `SOURCES`."""

from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources.huggingface import HuggingFace
from runs.data.sources.source import Roots, Source, SourceError
from runs.data.sources.upload import Upload
from runs.data.sources.volumes import Volumes

__all__ = ["SOURCES", "Roots", "Source", "SourceError", "open_source"]

SOURCES: dict[str, Source] = {"upload": Upload(), "volumes": Volumes(), "huggingface": HuggingFace()}


def open_source(
    reference: str,
    *,
    task: TaskType,
    volumes_root: Path | None = None,
    huggingface_root: Path | None = None,
    uploads_root: Path | None = None,
) -> Path:
    """The file or folder that a reference names, for `validation.check`. Raises SourceError with a sentence for the user."""
    reference = reference.strip()
    roots = Roots(volumes=volumes_root, huggingface=huggingface_root, uploads=uploads_root)
    for source in SOURCES.values():
        if source.takes(reference):
            return source.open(reference, roots, task)
    raise SourceError(
        f"“{reference[:100]}” is not a place that data are read from. Write dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>."
    )
