"""Rows of a data set: browsed and searched, as the tokens that a model is trained on, and packed as a run's first batch."""

from typing import Any

from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.profiles import length_of
from runs.api.native.query import Query, read
from runs.data.preview import PackedBatch, Settings
from runs.services import checks, datasets, profiling, reading, showing
from runs.services.refused import Invalid


class RowsQuery(Query):
    first: int = Field(default=1, ge=1, le=2**53, description="Number of the first row, counted from 1")
    limit: int = Field(default=10, ge=1, le=100, description="Rows at most")
    q: str = Field(default="", max_length=200, description="Only rows that say this, whatever the case")


class TokensQuery(Query):
    model: str = Field(max_length=200, description="Base model whose tokens are shown")
    context_length: int | None = Field(default=None, ge=16, description="Where rows are cut")


class BatchQuery(TokensQuery):
    batch_size: int = Field(default=8, ge=1, le=65_536, description="Rows of an optimizer step")
    seed: int = Field(default=17, ge=0, le=2**31 - 1, description="Order of the rows")


class RowShape(BaseModel):
    number: int
    row: dict[str, Any]


class RowsShape(BaseModel):
    data: list[RowShape]
    next: int | None = Field(description="Where to go on; null at the end. A long search may stop before it has found anything")
    searched_to: int


class TokenPiece(BaseModel):
    text: str
    id: int
    trained: bool
    special: bool


class TokensShape(BaseModel):
    """A row as it is trained. Tokens from `kept` on are cut off."""

    number: int
    kept: int
    trained: int
    tokens: list[TokenPiece]


class BatchShape(BaseModel):
    """The first step of a run with these settings; `batch` is null while it is being made."""

    ready: bool
    done: int
    total: int
    batch: PackedBatch | None


@operation("Browse and search rows", answer=RowsShape, query=RowsQuery, tag="datasets")
def list_rows(request: Request, name: str) -> Response:
    """From a row's number on, or those that say something. The whole file is at rows.jsonl."""
    dataset = datasets.find(by=person(request), name=name)
    query = read(request, RowsQuery)
    found = reading.browse(dataset=dataset, first=query.first, words=query.q, limit=query.limit)
    rows = [RowShape(number=number, row=row) for number, row in found.rows]
    return shown(RowsShape(data=rows, next=found.next, searched_to=found.read))


@operation("Show a row as tokens", answer=TokensShape, query=TokensQuery, tag="datasets")
def show_tokens(request: Request, name: str, number: str) -> Response:
    """As this model is trained on it: which tokens count, which are special, where the context length cuts."""
    dataset = datasets.find(by=person(request), name=name)
    query = read(request, TokensQuery)
    model = checks.find_model(query.model)
    row = reading.row(dataset=dataset, number=int(number))
    length = length_of(query.context_length, model)
    one = [(int(number), row)]
    (found,) = showing.rendered(dataset=dataset, model=model, rows=one, context_length=length, most=None)
    pieces = [TokenPiece(text=one.text, id=one.id, trained=one.trained, special=one.special) for one in found.pieces]
    return shown(TokensShape(number=found.number, kept=found.cut, trained=found.trained, tokens=pieces))


@operation("Show the first batch of a run", answer=BatchShape, query=BatchQuery, tag="datasets")
def show_batch(request: Request, name: str) -> Response:
    """Which rows meet in the first step with these settings, packed as the engine packs them: of a large one the first bins."""
    dataset = datasets.find(by=person(request), name=name)
    query = read(request, BatchQuery)
    model = checks.find_model(query.model)
    settings = Settings(context_length=length_of(query.context_length, model), batch_size=query.batch_size, seed=query.seed)
    made = profiling.first_batch(dataset=dataset, model=model, settings=settings)
    if made.is_refused:
        raise Invalid(f"“{dataset.name}” does not go with {model.display_name}: {made.reason}", field="model")
    batch = PackedBatch.model_validate(made.result) if made.is_ready else None
    return shown(BatchShape(ready=made.is_ready, done=made.done, total=made.total, batch=batch))


rows = resource(get=list_rows)
tokens = resource(get=show_tokens)
batch = resource(get=show_batch)
