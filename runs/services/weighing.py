"""How large run folders and registered versions are. Beat weighs them; a request only adds up what stands in rows.

Checkpoints are rows with sizes of their own as soon as they are written, so a folder is weighed without those.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from django.db.models import F, Q
from django.utils import timezone

from runs import wiring
from runs.models import DataSet, ModelVersion, Run
from runs.registry.protocol import RegistryRefused, RegistryUnavailable

log = logging.getLogger(__name__)

MOST = 100  # of each in one round; the rest waits for the next


def weigh() -> None:
    """Runs about which something has changed since they were weighed, versions and files as they came that never were."""
    _weigh_originals()
    changed = Q(weighed_at=None) | Q(weighed_at__lt=F("updated_at"))
    for run in Run.objects.alive().filter(changed).order_by(F("weighed_at").asc(nulls_first=True))[:MOST]:
        moment = timezone.now()
        Run.objects.filter(pk=run.pk).update(bytes=_folder(run), weighed_at=moment)
    for version in ModelVersion.objects.filter(bytes=None).order_by("pk")[:MOST]:
        try:
            size = wiring.registry().size(version.name, version.version)
        except RegistryUnavailable:
            return  # the next round asks again
        except RegistryRefused as refused:
            log.info("%s has no size: %s", version.uri, refused)
            size = 0  # somebody took it away behind our back
        ModelVersion.objects.filter(pk=version.pk).update(bytes=size)


def _weigh_originals() -> None:
    """Of data sets that were kept before these sizes were."""
    for dataset in DataSet.objects.filter(original_bytes=0).exclude(original="").order_by("pk")[:MOST]:
        file = wiring.original_file(dataset.original)
        if file.is_file():
            DataSet.objects.filter(pk=dataset.pk).update(original_bytes=file.stat().st_size)


def _folder(run: Run) -> int:
    """Bytes of a run's files, less those of its checkpoints that have rows."""
    folder = wiring.run_folder(run.name)
    told = {folder.checkpoints / name for name in run.checkpoints.filter(deleted_at=None).values_list("name", flat=True)}
    return sum(_sizes(folder.path, told))


def _sizes(folder: Path, without: set[Path]) -> Iterator[int]:
    """A file that goes while it is looked at weighs nothing."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) not in without]
        for name in files:
            try:
                yield os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
