"""Searches whose filter cannot say who asks: all that fits is read, what is not to be seen is dropped, the rest is paged.

Pages are ours, so that neither their length nor their tokens tell of anything hidden.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, JsonResponse

from runs.api.mlflow.call import Call, Params, answered, placed
from runs.services.refused import Invalid

A_TIME, MOST = 500, 50_000


def scanned(call: Call, key: str, visible: Callable[[Params], bool], default: int) -> HttpResponse:
    """`key` is where the answer has its rows."""
    start, size = _start(call), _size(call, default)
    kept: list[Any] = []
    token, read = "", 0
    while len(kept) <= start + size and read < MOST:
        page = {"page_token": token} if token else {}
        answer = call.ask(max_results=A_TIME, **page) if token else _first(call)
        if not answer.is_success:
            return answered(answer, call)
        body = answer.json()
        rows, token = body.get(key, []), body.get("next_page_token", "")
        read += len(rows)
        kept += [row for row in rows if visible(row)]
        if not token:
            break
    more = {"next_page_token": str(start + size)} if len(kept) > start + size else {}
    return JsonResponse(placed({key: kept[start : start + size], **more}, call))


def _first(call: Call) -> Any:
    call.params.pop("page_token", None)
    return call.ask(max_results=A_TIME)


def _start(call: Call) -> int:
    token = str(call.params.get("page_token") or "0")
    if not token.isdecimal() or len(token) > 9:
        raise Invalid("The page_token is not one of ours.", field="page_token")
    return int(token)


def _size(call: Call, default: int) -> int:
    text = str(call.params.get("max_results") or default)
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= A_TIME * 100:
        raise Invalid("max_results must be a whole number of at least 1.", field="max_results")
    return int(text)
