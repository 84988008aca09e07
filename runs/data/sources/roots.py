"""Which place stands behind a root: a folder of this machine, or a URL."""

from pathlib import Path

from runs.data.sources.local import Local
from runs.data.sources.places import Place
from runs.data.sources.refusal import SourceError
from runs.data.sources.remote import Remote


def place(root: "Path | str | None", setting: str = "VOLUMES_ROOT") -> Place:
    if root is None:
        raise SourceError(f"This installation has no folder for such paths. An admin sets {setting}.")
    return Remote(str(root), setting) if "://" in str(root) else Local(Path(root))
