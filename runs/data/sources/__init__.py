"""Where data come from. A new source is one file here and one line in `SOURCES`."""

from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources.delta import Delta
from runs.data.sources.hub import Hub
from runs.data.sources.huggingface import HuggingFace
from runs.data.sources.refusal import TooLarge
from runs.data.sources.source import Roots, Source, SourceError, Versioned
from runs.data.sources.upload import Upload
from runs.data.sources.volumes import Volumes

__all__ = ["SOURCES", "Hub", "Roots", "Source", "SourceError", "TooLarge", "open_source", "pinned"]

SOURCES: dict[str, Source] = {
    "upload": Upload(),
    "volumes": Volumes(),
    "delta": Delta(),
    "huggingface": HuggingFace(),
}


def open_source(reference: str, roots: Roots, task: TaskType) -> Path:
    """The file or folder that a reference names, for `validation.check`. Raises SourceError with a sentence for the user.

    What is not a file of this machine is fetched into `roots.scratch` first, and is the caller's to remove.
    """
    return _source(reference.strip()).open(reference.strip(), roots, task)


def pinned(reference: str, roots: Roots) -> str | None:
    """The reference with the version it has now, `main.sales.chats@v3`; None where its source has no versions."""
    source = _source(reference.strip())
    return source.pin(reference.strip(), roots) if isinstance(source, Versioned) else None


def _source(reference: str) -> Source:
    for source in SOURCES.values():
        if source.takes(reference):
            return source
    raise SourceError(
        f"“{reference[:100]}” is not a place that data are read from. Write dbfs:/Volumes/<catalog>/<schema>/<volume>/<path>, "
        "<catalog>.<schema>.<table>, or <org>/<name>/<split> of Hugging Face."
    )
