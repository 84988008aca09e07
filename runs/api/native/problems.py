"""Every error of this door as a problem document (RFC 9457), whoever raised it.

`code` is stable and meant for programs, `detail` is a sentence for people, `problems` has an entry for each thing wrong.
"""

import logging
import math
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from pydantic import BaseModel, Field
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from runs.api.native.errors import ServiceDown, TooLarge
from runs.services import refused
from runs.services.origin import turned_down
from runs.services.quotas import QuotaReached
from runs.services.refused import Problem, Refused

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUSES: list[tuple[type[Refused], int]] = [
    (refused.NotAllowed, 403),
    (refused.NotFound, 404),
    (refused.TooLarge, 413),
    (Refused, 409),  # right in itself, but not as things stand
]
AS_THINGS_STAND: tuple[type[Refused], ...] = (
    refused.Unfit,
    refused.ModelRetired,
    refused.ModelDeprecated,
    refused.ModelReserved,
    refused.ModelUnavailable,
    refused.DoesNotFit,
    refused.LicenceNotAccepted,
    QuotaReached,
)
CODES = {
    "parse_error": "unreadable_body",
    "error": "error",
    "authentication_failed": "unauthenticated",
    "not_authenticated": "unauthenticated",
    "permission_denied": "not_allowed",
}


class ProblemEntry(BaseModel):
    """One thing that is wrong, and where."""

    field: str = Field(description="Name of the field or parameter, empty when it is about the whole")
    code: str
    message: str
    facts: dict[str, Any] = Field(
        default={}, description="For programs: of a base model that is leaving or gone its state, date, replacement and reason"
    )


class ProblemDocument(BaseModel):
    """What every error of this API looks like."""

    type: str = Field(description="Where the code is explained")
    title: str = Field(description="The status in words")
    status: int
    code: str = Field(description="Stable, for programs")
    detail: str = Field(description="A sentence for people")
    field: str = Field(description="The field of the first problem, empty when it is about the whole")
    problems: list[ProblemEntry]
    report: dict[str, Any] | None = Field(default=None, description="For a file of rows: what is wrong with which line")


def document(status: int, found: list[ProblemEntry], report: dict[str, Any] | None = None) -> dict[str, Any]:
    first = found[0]
    made = ProblemDocument(
        type=f"/api/v1/docs#{first.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=first.code,
        detail=" ".join(dict.fromkeys(entry.message for entry in found)),
        field=first.field,
        problems=found,
        report=report,
    )
    return made.model_dump(mode="json", exclude={"report"} if report is None else None)


def _status(error: Refused) -> int:
    """400 for what its author can mend; 409 when all that is wrong with it is how things stand."""
    if isinstance(error, refused.Invalid):
        passing = {kind.code for kind in AS_THINGS_STAND}
        return 409 if {problem.code for problem in error.problems} <= passing else 400
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def entries(problems: list[Problem]) -> list[ProblemEntry]:
    return [
        ProblemEntry(field=problem.field, code=problem.code, message=problem.message, facts=dict(problem.facts))
        for problem in problems
    ]


def _of_refusal(error: Refused) -> Response:
    turned_down(error)
    status = _status(error)
    report = getattr(error, "report", None)
    shown = report.model_dump(mode="json") if isinstance(report, BaseModel) else None
    return Response(document(status, entries(error.problems), shown), status)


def _known(error: Exception) -> exceptions.APIException:
    """The framework's own error for whatever came up; anything unexpected is logged and becomes a plain 500."""
    match error:
        case exceptions.APIException():
            return error
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RequestDataTooBig():
            return TooLarge("The body is too large.")
        case SuspiciousOperation() | MultiPartParserError():
            return exceptions.ParseError(f"The request cannot be read: {error}")
        case OperationalError():
            log.error("The database does not answer: %s", error)
            return ServiceDown()
    log.error("An unexpected error", exc_info=error)
    return exceptions.APIException("Something went wrong on our side. The server's log has the details.", code="internal_error")


def _of_framework(error: exceptions.APIException) -> Response:
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    entry = ProblemEntry(field="", code=CODES.get(code, code), message=str(error.detail))
    response = Response(document(error.status_code, [entry]), error.status_code)
    if header := getattr(error, "auth_header", None):
        response.headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response.headers["Retry-After"] = str(math.ceil(wait))
    return response


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's EXCEPTION_HANDLER."""
    response = _of_refusal(error) if isinstance(error, Refused) else _of_framework(_known(error))
    response.content_type = MEDIA_TYPE
    set_rollback()
    return response
