"""Pages of rows: `{"data": [...], "next": <url or null>}`, with a cursor that stays right while rows are added.

The cursor is a row's key. Rows are only ever added with higher keys, so no row is seen twice or missed.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.query import PageQuery
from runs.services.refused import Invalid

Row = TypeVar("Row", bound=Model)
LARGEST_KEY = 2**63 - 1


def page(
    request: Request, rows: QuerySet[Row], query: PageQuery, shape: Callable[[Row], BaseModel], *, newest_first: bool = True
) -> Response:
    """One page of `rows`, each put into its shape."""
    if query.cursor:
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": _key(query.cursor)})
    found = list(rows.order_by("-pk" if newest_first else "pk")[: query.limit + 1])
    data = [shape(row).model_dump(mode="json") for row in found[: query.limit]]
    following = _next(request, found[query.limit - 1]) if len(found) > query.limit else None
    return Response({"data": data, "next": following})


def whole(shapes: list[BaseModel]) -> dict[str, Any]:
    """A list that is never long, in the same envelope."""
    return {"data": [shape.model_dump(mode="json") for shape in shapes], "next": None}


def _key(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()) or int(cursor) > LARGEST_KEY:
        raise Invalid("This cursor was not made here. Take it from `next` of the page before.", field="cursor")
    return int(cursor)


def _next(request: Request, last: Model) -> str:
    given = request.query_params.copy()
    given["cursor"] = str(last.pk)
    return request.build_absolute_uri(f"{request.path}?{given.urlencode()}")
