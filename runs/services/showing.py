"""Rows as the tokens that a model is trained on, by the engine's own rendering; and a packed batch of them."""

from dataclasses import dataclass

from runs.contract.spec import TaskType
from runs.data.preview import PackedBatch
from runs.data.rendering import Encoded, Piece, Renderer, TemplateError
from runs.data.rows import Row
from runs.models import BaseModel, DataSet
from runs.services.datasets import renderer
from runs.services.refused import Invalid

DRAWN = 1_500  # tokens of a row that a page draws


@dataclass(frozen=True)
class Rendered:
    """A row as tokens, the first as `pieces`. `cut` is how many training keeps, `trained` how many of those the loss counts."""

    number: int
    tokens: int
    pieces: list[Piece]
    cut: int
    trained: int

    @property
    def lost(self) -> int:
        return self.tokens - self.cut


@dataclass(frozen=True)
class Binned:
    """A bin of a batch: its rows as tokens, side by side."""

    rows: list[Rendered]
    tokens: int


def rendered(
    *, dataset: DataSet, model: BaseModel, rows: list[tuple[int, Row]], context_length: int, most: int | None = DRAWN
) -> list[Rendered]:
    """These rows as the tokens that this model is trained on: the engine's own rendering. Texts are joined, not cut.

    Each token's text takes time to find, so that of a long row there are the first `most`.
    """
    reader, task = renderer(model), TaskType(dataset.task_type)
    limit = None if task is TaskType.CONTINUED_PRETRAIN else context_length
    try:
        return [_rendered(reader, number, reader.encode(row, task), limit, most) for number, row in rows]
    except TemplateError as error:
        raise Invalid(f"“{dataset.name}” does not go with {model.display_name}: {error}", field="model") from error


def unpacked(*, batch: PackedBatch, model: BaseModel) -> list[Binned]:
    """A packed batch with its tokens as text."""
    reader = renderer(model)
    return [
        Binned(
            [_rendered(reader, one.number, Encoded(one.ids, one.trained), None, DRAWN) for one in rows],
            sum(len(one.ids) for one in rows),
        )
        for rows in batch.bins
    ]


def _rendered(reader: Renderer, number: int, encoded: Encoded, limit: int | None, most: int | None) -> Rendered:
    tokens = len(encoded.ids)
    cut = tokens if limit is None else min(limit, tokens)
    return Rendered(number, tokens, reader.pieces(encoded, most), cut, sum(encoded.trained[1:cut]))
