"""Requests per token (or per person in a browser), counted for all processes together, and the headers that tell.

`RateLimit` and `RateLimit-Policy` are the IETF draft's present form; the three older headers are what most clients read.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from runs.api.native.auth import person
from runs.models.token import token_hash
from runs.services import limits
from runs.services.limits import SECONDS, Standing


class PerToken(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        self.standing = limits.take(_caller(request))
        request._request.standing = self.standing  # type: ignore[attr-defined]  # for `tell`, when the answer is there
        return self.standing.granted

    def wait(self) -> float:
        return self.standing.wait


def _caller(request: Request) -> str:
    return token_hash(request.auth) if isinstance(request.auth, str) else f"person {person(request).pk}"


def tell(request: Request, response: Response) -> None:
    """Say in the answer's headers how many requests are left."""
    standing: Standing | None = getattr(request._request, "standing", None)
    if standing is None:
        return
    response.headers["RateLimit-Policy"] = f'"requests";q={standing.most};w={SECONDS}'
    response.headers["RateLimit"] = f'"requests";r={standing.remaining};t={standing.full_in}'
    response.headers["RateLimit-Limit"] = str(standing.most)
    response.headers["RateLimit-Remaining"] = str(standing.remaining)
    response.headers["RateLimit-Reset"] = str(standing.full_in)
