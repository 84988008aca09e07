"""Actions on many rows that take something away: they name the rows and ask before they do it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

MOST = 30  # names shown; more than a page of them nobody reads

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def asks(verb: str, warning: str) -> Callable[[Action], Action]:
    """`Revoke 3 tokens` with their names and `warning`, and only then the action itself."""

    def wrap(action: Action) -> Action:
        @wraps(action)
        def asking(table: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            if request.POST.get("sure") == "yes":
                return action(table, request, rows)
            return _question(table, request, rows, verb, warning)

        return asking

    return wrap


def _question(table: Any, request: HttpRequest, rows: QuerySet[Any], verb: str, warning: str) -> HttpResponse:
    count = rows.count()
    kind = table.opts.verbose_name if count == 1 else table.opts.verbose_name_plural
    context = {
        "title": f"{verb} {count} {kind}",
        "opts": table.opts,
        "names": [table.name_of(row) for row in rows[:MOST]],
        "more": max(0, count - MOST),
        "count": count,
        "keys": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "action": request.POST.getlist("action")[0],
        "across": request.POST.get("select_across", "0"),
        "warning": warning,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/console/asking.html", {**table.admin_site.each_context(request), **context})
