"""One page of a long list. A page that does not exist shows the nearest one that does."""

from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

ROWS = 50

Row = TypeVar("Row", bound=Model)


def paged(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    return Paginator(rows, ROWS).get_page(request.GET.get("page"))
