"""`Idempotency-Key`: a create that is sent again with the same key gets the first answer again, and creates nothing."""

from collections.abc import Callable
from functools import wraps
from typing import cast

import orjson
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.auth import person
from runs.api.native.digests import digest_of
from runs.services.once import Answer, once
from runs.services.refused import Malformed

Handler = Callable[..., HttpResponseBase]
MOST = 200  # characters
PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MOST, "pattern": "^[!-~]*$"},
    "header",
    description="Your own name for this request: sent again within 24 hours, it gets the first answer and creates nothing",
)


def key_of(request: Request) -> str:
    """The request's key, empty when it has none."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MOST or not all("!" <= character <= "~" for character in key):
        raise Malformed(f"An Idempotency-Key has at most {MOST} printable ASCII characters.", field="Idempotency-Key")
    return key


def repeatable(handler: Handler) -> Handler:
    """A handler that creates something, made to create it once for each key."""

    @wraps(handler)
    def keyed(request: Request, **path: str) -> HttpResponseBase:
        key = key_of(request)
        if not key:
            return handler(request, **path)
        digest = digest_of(request)

        def make() -> Answer:
            made = cast(Response, handler(request, **path))
            return Answer(made.status_code, orjson.dumps(made.data).decode(), made.headers.get("Location", ""))

        return _shown(once(by=person(request), operation=handler.__name__, key=key, digest=digest, make=make))

    return keyed


def _shown(answer: Answer) -> Response:
    response = Response(orjson.loads(answer.body), answer.status)
    response.headers["Cache-Control"] = "no-store"
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response
