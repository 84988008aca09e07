"""Lists as this dialect has them: `after` names the last thing that was seen, `has_more` says whether there is more."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, JsonResponse

from runs.services.refused import Invalid

Row = TypeVar("Row", bound=Model)


def limit_of(request: HttpRequest, default: int, most: int) -> int:
    text = request.GET.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text[:9]) <= most or len(text) > 9:
        raise Invalid(f"limit must be a whole number from 1 to {most:,}.", field="limit")
    return int(text)


def behind(rows: QuerySet[Row], last: Row, column: str, *, newest_first: bool = True) -> QuerySet[Row]:
    """What comes after `last`; rows of one moment are told apart by their key."""
    moment, word = getattr(last, column), "lt" if newest_first else "gt"
    return rows.filter(Q(**{f"{column}__{word}": moment}) | Q(**{column: moment, f"pk__{word}": last.pk}))


def page(found: Sequence[Any], limit: int, shape: Callable[[Any], dict[str, Any]]) -> JsonResponse:
    """`found` holds one more than `limit` when there is more."""
    data = [shape(row) for row in found[:limit]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return JsonResponse({"object": "list", "data": data, "has_more": len(found) > limit, **ends})
