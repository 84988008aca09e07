"""What every source of data offers, and how it refuses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from runs.contract.spec import TaskType
from runs.data.sources.hub import Hub
from runs.data.sources.refusal import SourceError

__all__ = ["Roots", "Source", "SourceError", "Versioned", "below"]


@dataclass(frozen=True)
class Roots:
    """The only places that sources read. Volumes and tables may be a URL; `scratch` is an empty folder for what is fetched."""

    volumes: Path | str | None = None
    huggingface: Path | None = None
    uploads: Path | None = None
    tables: Path | str | None = None
    hub: Hub | None = None
    scratch: Path | None = None
    most: int | None = None  # bytes beyond which TooLarge is raised instead of reading on


class Source(Protocol):
    def takes(self, reference: str) -> bool:
        """Whether a reference is written in this source's form."""

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        """The file or folder that it names. Raises SourceError."""


@runtime_checkable
class Versioned(Protocol):
    """A source whose data have versions."""

    def pin(self, reference: str, roots: Roots) -> str | None:
        """The reference with the version it has now behind an @: what is read under it never changes. Raises SourceError.

        None where this reference has no versions.
        """


def below(root: Path | None, parts: list[str], *, setting: str) -> Path:
    """The path of `parts` below a root, following links only while they stay below it. Raises SourceError."""
    if root is None:
        raise SourceError(f"This installation has no folder for such paths. An admin sets {setting}.")
    if any(part in ("", ".", "..") or "\x00" in part or "\\" in part for part in parts):
        raise SourceError("A path may not contain empty parts, “.”, “..”, backslashes or NUL characters.")
    home = root.resolve()
    try:
        path = home.joinpath(*parts).resolve()
    except (OSError, RuntimeError) as error:
        raise SourceError("The path cannot be followed; it may contain a link that leads to itself.") from error
    if not path.is_relative_to(home):
        raise SourceError("The path leads out of the folder that may be read.")
    if not _there(path):
        raise SourceError(f"There is nothing at “{'/'.join(parts)}”. Check the spelling; names are case-sensitive.")
    return path


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False
