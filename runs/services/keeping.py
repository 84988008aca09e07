"""Rows that were checked become a data set: under a name of their own, with their file put beside the others.

Whoever checked them, in a request or in the background, comes through here.
"""

import re
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.validation import Report
from runs.models import DataSet, User
from runs.services import quotas, shelf
from runs.services.audit import record
from runs.services.refused import Invalid


def keep(
    *,
    by: User,
    canonical: Path,
    report: Report,
    source: str,
    task: TaskType,
    name: str = "",
    again: bool = True,
    original: tuple[Path, str] | None = None,
) -> DataSet:
    """Take the canonical rows. Without `again`, the same rows that this person has from the same source are enough.

    An `original` is the file as it was sent, with its digest: it is kept too, under this very name.
    """
    if not again and (earlier := _same(by, source, report, task)):
        return earlier
    try:
        with transaction.atomic():
            shelf.put(canonical, report.digest)
            wanted = slug(name or Path(source).name)
            if original is None:
                return create(by=by, report=report, source=source, task=task, wanted=wanted)
            shelf.put_original(*original)
            return create(by=by, report=report, source=source, task=task, wanted=wanted, tries=1, original=original[1])
    except Invalid:  # a full quota, or no name that is free
        shelf.clear(report.digest, original[1] if original else "")
        raise


def _same(by: User, source: str, report: Report, task: TaskType) -> DataSet | None:
    """What an earlier read of the same path kept, if its bytes have not changed since."""
    return DataSet.objects.filter(owner=by, source=source, digest=report.digest, task_type=task).first()


def create(*, by: User, report: Report, source: str, task: TaskType, wanted: str, tries: int = 999, **more: Any) -> DataSet:
    """Create the row under the first free name: helpdesk, helpdesk-2, helpdesk-3, ..."""
    for number in range(1, tries + 1):
        try:
            with transaction.atomic():
                size = wiring.dataset_file(report.digest).stat().st_size
                quotas.may_keep(by, size)
                dataset = DataSet.objects.create(
                    name=wanted if number == 1 else f"{wanted}-{number}",
                    owner=by,
                    task_type=task,
                    source=source[:1_000],
                    digest=report.digest,
                    rows=report.rows,
                    bytes=size,
                    report=report.model_dump(mode="json"),
                    **more,
                )
                record("dataset.create", dataset, by=by, after={"digest": report.digest, "rows": report.rows, "source": source})
                return dataset
        except IntegrityError:
            continue
    raise Invalid(f"There are too many data sets called “{wanted}”. Choose another name.", field="name")


def slug(text: str) -> str:
    """A name that fits a URL: letters, digits, _ and -; the ending of a file name is dropped."""
    stem = re.sub(r"(\.(jsonl|json|csv|parquet|txt|zip|gz))+$", "", text, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-").lower()[:80] or "data"
