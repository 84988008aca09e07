"""How an address of this door is made from plain functions, one for each method.

    run = resource(get=operation("Show a run", answer=RunShape)(show), delete=...)

`operation` says what the schema should say; `resource` makes the view that dispatches.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from runs.api.native.query import Query, parameters

Handler = Callable[..., HttpResponseBase]


def operation(
    summary: str,
    *,
    answer: Any = None,
    status: int = 200,
    body: Any = None,
    query: type[Query] | None = None,
    headers: Sequence[Any] = (),
    tag: str,
) -> Callable[[Handler], Handler]:
    """Describe a handler for the schema. `answer` and `body` are pydantic models or OpenAPI types; None is an empty one."""

    def describe(handler: Handler) -> Handler:
        shape = answer if answer is not None else OpenApiResponse(description="Done")
        described = extend_schema(
            summary=summary,
            description=(handler.__doc__ or "").strip(),
            operation_id=handler.__name__,
            request=body,
            responses=answer if isinstance(answer, dict) else {status: shape},
            parameters=[*(parameters(query) if query else []), *headers],
            tags=[tag],
        )
        return described(handler)

    return describe


def resource(*, parsers: Sequence[type[BaseParser]] | None = None, **handlers: Handler) -> Callable[..., HttpResponseBase]:
    """A view whose methods are `handlers`, by lower-case method name."""
    members: dict[str, Any] = {method: _method(handler) for method, handler in handlers.items()}
    if parsers is not None:
        members["parser_classes"] = list(parsers)
    view: Callable[..., HttpResponseBase] = type("Resource", (APIView,), members).as_view()  # type: ignore[attr-defined]
    return view


def _method(handler: Handler) -> Callable[..., HttpResponseBase]:
    def method(self: APIView, request: Request, **kwargs: Any) -> HttpResponseBase:
        return handler(request, **kwargs)

    method.__name__, method.__doc__ = handler.__name__, handler.__doc__
    method.kwargs = getattr(handler, "kwargs", {})  # type: ignore[attr-defined]  # where drf-spectacular looks
    return method
