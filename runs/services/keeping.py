"""Rows that were checked become a data set: under a name of their own, with their file put beside the others.

Whoever checked them, in a request or in the background, comes through here.
"""

import re
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it came, to be kept beside its rows."""

    path: Path
    digest: str
    told: bool = False  # the data set's name was: no other will do

    @property
    def columns(self) -> dict[str, Any]:
        once = {"tries": 1} if self.told else {}
        return {"original": self.digest, "original_bytes": self.path.stat().st_size, **once}


def keep(
    *,
    by: User,
    canonical: Path,
    report: Report,
    source: str,
    task: TaskType,
    name: str = "",
    again: bool = True,
    original: Original | None = None,
) -> DataSet:
    """Take the canonical rows. Without `again`, the same rows that this person has from the same source are enough."""
    if not again and (earlier := _same(by, source, report, task)):
        return earlier
    also = original.columns if original else {}
    try:
        with transaction.atomic():
            shelf.hold(report.digest, *([original.digest] if original else []))
            shelf.put(canonical, report.digest)
            if original:
                shelf.put_original(original.path, original.digest)
            return create(by=by, report=report, source=source, task=task, wanted=slug(name or Path(source).name), **also)
    except Invalid:  # a full quota, or no name that is free
        shelf.clear(report.digest, original.digest if original else "")
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
                quotas.may_keep(by, size + more.get("original_bytes", 0))
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
