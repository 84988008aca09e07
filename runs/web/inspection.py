"""A data set as its page and the wizard show it: what the check found, its tokens with one model, its first rows as tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.data.profile import Profile
from runs.data.rendering import Piece
from runs.models import BaseModel, DataSet
from runs.services import datasets
from runs.services.refused import Refused

ROWS = 3  # rendered at once
LONGEST = 1_200  # tokens of a row that are shown


@dataclass(frozen=True)
class Row:
    """One row as tokens, cut for display; `tokens` and `trained` count all of it."""

    number: int
    pieces: list[Piece]
    tokens: int
    trained: int

    @property
    def hidden(self) -> int:
        return self.tokens - len(self.pieces)


@dataclass(frozen=True)
class Inspection:
    """`trouble` says in words why tokens cannot be shown: the model is not here, or its template refuses the rows."""

    dataset: DataSet
    report: Mapping[str, Any]
    profile: Profile | None = None
    rows: tuple[Row, ...] = ()
    trouble: str = ""


def inspect(dataset: DataSet, model: BaseModel | None, context_length: int) -> Inspection:
    if model is None:
        return Inspection(dataset, dataset.report)
    try:
        profile = datasets.profile(dataset=dataset, model=model, context_length=context_length)
        rendered = datasets.rendered(dataset=dataset, model=model, rows=ROWS)
    except Refused as refused:
        return Inspection(dataset, dataset.report, trouble=refused.message)
    return Inspection(dataset, dataset.report, profile, tuple(_row(number, row) for number, row in enumerate(rendered, 1)))


def _row(number: int, pieces: list[Piece]) -> Row:
    return Row(number, pieces[:LONGEST], len(pieces), sum(piece.trained for piece in pieces))
