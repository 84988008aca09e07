"""What every source of data offers, and how it refuses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runs.contract.spec import TaskType


class SourceError(ValueError):
    """The reference leads nowhere, or where nobody may read; the text is for the user."""


@dataclass(frozen=True)
class Roots:
    """The only folders below which sources read."""

    volumes: Path | None = None
    huggingface: Path | None = None
    uploads: Path | None = None


class Source(Protocol):
    def takes(self, reference: str) -> bool:
        """Whether a reference is written in this source's form."""

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:
        """The file or folder that it names. Raises SourceError."""


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
