"""Pages of rows: `{"data": [...], "next": <url or null>}`, with a cursor that stays right while rows are added.

The cursor is the key of the last row that was seen. Rows are only ever added with higher keys, so in their own order none is
seen twice or missed; in another order the page goes on behind where that row stands now.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import tagged
from runs.api.native.query import PageQuery
from runs.services.refused import NotFound

Row = TypeVar("Row", bound=Model)


def page(
    request: Request, rows: QuerySet[Row], query: PageQuery, shape: Callable[[Row], BaseModel], *, order: str = "newest"
) -> Response:
    """One page of `rows`, in their shape. `order` is newest, oldest, or a field that is never null, `-` for falling."""
    field = {"newest": "-pk", "oldest": "pk"}.get(order, order)
    falling, field = field.startswith("-"), field.removeprefix("-")
    if query.cursor:
        rows = rows.filter(_behind(rows, field, "lt" if falling else "gt", int(query.cursor)))
    sign = "-" if falling else ""
    found = list(rows.order_by(f"{sign}{field}", f"{sign}pk")[: query.limit + 1])
    data = [shape(row).model_dump(mode="json") for row in found[: query.limit]]
    following = _next(request, found[query.limit - 1]) if len(found) > query.limit else None
    return tagged(request, {"data": data, "next": following})


def _behind(rows: QuerySet[Row], field: str, compare: str, key: int) -> Q:
    """What comes after the row with this key."""
    if field == "pk":
        return Q(**{f"pk__{compare}": key})
    stands = rows.filter(pk=key).values_list(field, flat=True).first()
    if stands is None:
        raise NotFound("The row that this page starts behind is gone. Start with the first page again.", field="cursor")
    return Q(**{f"{field}__{compare}": stands}) | Q(**{field: stands, f"pk__{compare}": key})


def whole(shapes: Sequence[BaseModel]) -> dict[str, Any]:
    """A list that is never long, in the same envelope."""
    return {"data": [shape.model_dump(mode="json") for shape in shapes], "next": None}


def _next(request: Request, last: Model) -> str:
    given = request.query_params.copy()
    given["cursor"] = str(last.pk)
    return request.build_absolute_uri(f"{request.path}?{given.urlencode()}")
