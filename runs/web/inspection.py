"""A data set as its page and the wizard show it: what the check found, what it holds, its first rows as tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.data.profile import Profile
from runs.data.validation import Report
from runs.models import BaseModel, DataSet
from runs.services import profiling, reading, showing
from runs.services.profiling import Assessment
from runs.services.refused import Refused
from runs.services.showing import Rendered
from runs.web.lens import address

ROWS = 3  # rendered at once


@dataclass(frozen=True)
class Inspection:
    """`trouble` says in words why tokens cannot be shown: the model is not here, or its template refuses the rows."""

    dataset: DataSet
    report: Mapping[str, Any]
    model: BaseModel | None
    assessment: Assessment
    rows: tuple[Rendered, ...] = ()
    trouble: str = ""

    @property
    def profile(self) -> Profile | None:
        return self.assessment.profile

    @property
    def query(self) -> str:
        """The same view as part of an address."""
        return address(self.model, self.assessment.context_length, self.assessment.evaluation)


def inspect(
    dataset: DataSet, model: BaseModel | None, context_length: int, evaluation: DataSet | None = None, rows: int = ROWS
) -> Inspection:
    found = profiling.assess(dataset=dataset, model=model, context_length=context_length, evaluation=evaluation)
    rendered, trouble = list[Rendered](), found.trouble
    if model is not None and not trouble and rows:
        try:
            first = reading.browse(dataset=dataset, limit=rows).rows
            rendered = showing.rendered(dataset=dataset, model=model, rows=first, context_length=context_length)
        except Refused as refused:
            trouble = refused.message
    return Inspection(dataset, dataset.report, model, found, tuple(rendered), trouble)


def said(refused: Refused) -> str:
    """Why rows were refused, in words; the mapping that may mend them stands beside, in a box of its own."""
    report = getattr(refused, "report", None)
    return report.fault if isinstance(report, Report) and report.proposal else refused.message
