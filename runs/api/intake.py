"""What each dialect lets in before a view runs: how large a body may be, who may send a large one, and how it says no.

`finetuning_ui.intake` does the work; here is what it has to know of addresses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest

from runs.api.bearer import bearer
from runs.api.databricks.graphql import told
from runs.api.mlflow.artifacts import SIGNED, granted
from runs.api.mlflow.door import MOST_BYTES as METRICS
from runs.api.native.problems import ProblemEntry, document
from runs.api.strict import MOST_BYTES as CALL
from runs.services.refused import Refused

CODES = {401: "UNAUTHENTICATED", 408: "DEADLINE_EXCEEDED", 413: "INVALID_PARAMETER_VALUE"}
WORDS = {401: "unauthenticated", 408: "too_slow", 413: "too_large"}
Shape = Callable[[int, str], dict[str, Any]]


@dataclass(frozen=True)
class Door:
    """Requests, as in `PUT /api/2.0/fs/files/…`, whose bodies have `most` bytes; None: as many as a file may have."""

    requests: re.Pattern[str]
    most: int | None
    shape: Shape
    media: str = "application/json"


def _native(status: int, message: str) -> dict[str, Any]:
    """A problem document, and beside it what programs look for that took this for the original service."""
    entry = ProblemEntry(field="", code=WORDS[status], message=message)
    return {**document(status, [entry]), **_databricks(status, message)}


def _databricks(status: int, message: str) -> dict[str, Any]:
    return {"error_code": CODES[status], "message": message}


def _openai(status: int, message: str) -> dict[str, Any]:
    code = "invalid_api_key" if status == HTTPStatus.UNAUTHORIZED else WORDS[status]
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _graphql(status: int, message: str) -> dict[str, Any]:
    return told(message, status)


ANY = Door(re.compile(""), None, _native, "application/problem+json")
DOORS = (
    Door(re.compile(r"\w+ /api/2\.0/genai-mapi/"), CALL, _graphql),
    Door(re.compile(r"(?:PUT|POST) /api/2\.0/(?:fs/files|mlflow-artifacts)/"), None, _databricks),
    Door(re.compile(r"\w+ /api/2\.0/mlflow/"), METRICS, _databricks),
    Door(re.compile(r"\w+ /(?:api/[2-9]\.\d|ajax-api|serving-endpoints)/"), CALL, _databricks),
    Door(re.compile(r"POST /v1/files/?$"), None, _openai),
    Door(re.compile(r"\w+ /v1/"), CALL, _openai),
    ANY,
)


def door_of(request: str) -> Door:
    """By method and path."""
    return next(door for door in DOORS if door.requests.match(request))


def is_known(request: HttpRequest) -> bool:
    """Whether somebody of ours sends this: by token, by session, or to a signed address. What they may is the view's to say."""
    try:
        if (path := request.path).startswith(SIGNED):
            return _is_signed(path.removeprefix(SIGNED))
        return bearer(request) is not None or _in_session(request)
    finally:
        connection.close()  # this runs in a thread of its own, outside of what Django cleans up after


def _is_signed(token: str) -> bool:
    try:
        granted(token)
    except Refused:
        return False
    return True


def _in_session(request: HttpRequest) -> bool:
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return get_user(request).is_authenticated
