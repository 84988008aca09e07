"""A file that was uploaded: already on disk, named by its own file name below the folder of uploads."""

from pathlib import Path

from runs.contract.spec import TaskType
from runs.data.sources.source import Roots, below


class Upload:
    def takes(self, reference: str) -> bool:
        return reference.startswith("upload:")

    def open(self, reference: str, roots: Roots, task: TaskType) -> Path:  # noqa: ARG002 - the check reads every ending
        return below(roots.uploads, reference.removeprefix("upload:").split("/"), setting="DATA_DIR")
