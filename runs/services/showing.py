"""Rows as the tokens that a model is trained on, by the engine's own rendering; and a packed batch of them."""

from dataclasses import dataclass

from runs.contract.spec import TaskType
from runs.data.preview import PackedBatch
from runs.data.rendering import Encoded, Piece, Renderer, TemplateError
from runs.data.rows import Row
from runs.models import BaseModel, DataSet
from runs.services.datasets import renderer
from runs.services.refused import Invalid


@dataclass(frozen=True)
class Rendered:
    """A row as tokens. `cut` is how many of them training keeps, `trained` how many of those the loss counts."""

    number: int
    pieces: list[Piece]
    cut: int
    trained: int

    @property
    def lost(self) -> int:
        return len(self.pieces) - self.cut


@dataclass(frozen=True)
class Binned:
    """A bin of a batch: its rows as tokens, side by side."""

    rows: list[Rendered]
    tokens: int


def rendered(*, dataset: DataSet, model: BaseModel, rows: list[tuple[int, Row]], context_length: int) -> list[Rendered]:
    """These rows as the tokens that this model is trained on: the engine's own rendering. Texts are joined, not cut."""
    reader, task = renderer(model), TaskType(dataset.task_type)
    joined = task is TaskType.CONTINUED_PRETRAIN
    try:
        return [_rendered(reader, number, reader.encode(row, task), None if joined else context_length) for number, row in rows]
    except TemplateError as error:
        raise Invalid(f"“{dataset.name}” does not go with {model.display_name}: {error}", field="model") from error


def unpacked(*, batch: PackedBatch, model: BaseModel) -> list[Binned]:
    """A packed batch with its tokens as text."""
    reader = renderer(model)
    return [
        Binned(
            [_rendered(reader, one.number, Encoded(one.ids, one.trained), None) for one in rows],
            sum(len(one.ids) for one in rows),
        )
        for rows in batch.bins
    ]


def _rendered(reader: Renderer, number: int, encoded: Encoded, limit: int | None) -> Rendered:
    cut = len(encoded.ids) if limit is None else min(limit, len(encoded.ids))
    return Rendered(number, reader.pieces(encoded), cut, sum(encoded.trained[1:cut]))
