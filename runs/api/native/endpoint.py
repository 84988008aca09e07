"""How an address of this door is made from plain functions, one for each method.

    run = resource(get=operation("Show a run", answer=RunShape)(show), delete=...)

`operation` says what the schema should say; `resource` makes the view that dispatches.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from runs.api.native.query import Query, parameters
from runs.api.native.repeating import PARAMETER, repeatable
from runs.api.native.throttle import tell

Handler = Callable[..., HttpResponseBase]


def operation(
    summary: str,
    *,
    answer: Any = None,
    status: int = 200,
    body: Any = None,
    query: type[Query] | None = None,
    headers: Sequence[Any] = (),
    creates: bool = False,
    tag: str,
) -> Callable[[Handler], Handler]:
    """Describe a handler for the schema. `answer` and `body` are pydantic models or OpenAPI types; None is an empty one.

    What `creates` takes an Idempotency-Key.
    """

    def describe(handler: Handler) -> Handler:
        shape = answer if answer is not None else OpenApiResponse(description="Done")
        described = extend_schema(
            summary=summary,
            description=(handler.__doc__ or "").strip(),
            operation_id=handler.__name__,
            request=body,
            responses=answer if isinstance(answer, dict) else {status: shape},
            parameters=[*(parameters(query) if query else []), *headers, *([PARAMETER] if creates else [])],
            tags=[tag],
        )
        return described(repeatable(handler) if creates else handler)

    return describe


class Resource(APIView):
    """Answers that say how many requests are left."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        made: Response = super().finalize_response(request, response, *args, **kwargs)
        tell(request, made)
        return made


def resource(
    *,
    parsers: Sequence[type[BaseParser]] | None = None,
    renderers: Sequence[type[BaseRenderer]] | None = None,
    **handlers: Handler,
) -> Callable[..., HttpResponseBase]:
    """A view whose methods are `handlers`, by lower-case method name."""
    members: dict[str, Any] = {method: _method(handler) for method, handler in handlers.items()}
    if renderers is not None:
        members["renderer_classes"] = list(renderers)
    if parsers is not None:
        members["parser_classes"] = list(parsers)
    view: Callable[..., HttpResponseBase] = type("Resource", (Resource,), members).as_view()  # type: ignore[attr-defined]
    return view


def _method(handler: Handler) -> Callable[..., HttpResponseBase]:
    def method(self: APIView, request: Request, **kwargs: Any) -> HttpResponseBase:
        return handler(request, **kwargs)

    method.__name__, method.__doc__ = handler.__name__, handler.__doc__
    method.kwargs = getattr(handler, "kwargs", {})  # type: ignore[attr-defined]  # where drf-spectacular looks
    return method
