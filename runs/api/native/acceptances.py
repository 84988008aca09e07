"""Who accepted which licence text when."""

from datetime import datetime

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.paging import page
from runs.api.native.query import NO_NUL, PageQuery, Query, read
from runs.models import LicenceAcceptance
from runs.services import acceptances
from runs.services.access import text_digest


class AcceptanceShape(BaseModel):
    """A person accepted a text; asked again when the text, and so its digest, changes."""

    person: str = Field(description="User name")
    licence: str = Field(description="Key of the licence")
    text_digest: str = Field(description="Of the text that was accepted")
    accepted_at: datetime
    current: bool = Field(description="Whether that is the text as it stands today")

    @classmethod
    def of(cls, row: LicenceAcceptance) -> "AcceptanceShape":
        return cls(
            person=row.user.get_username(),
            licence=row.licence.key,
            text_digest=row.text_digest,
            accepted_at=row.accepted_at,
            current=row.text_digest == text_digest(row.licence),
        )


class AcceptancePage(BaseModel):
    data: list[AcceptanceShape]
    next: str | None


class AcceptanceFilter(Query):
    person: str = Field(default="", max_length=150, pattern=NO_NUL, description="Only those of this person")
    licence: str = Field(default="", max_length=50, pattern=NO_NUL, description="Only those of this licence, by its key")


class AcceptanceQuery(AcceptanceFilter, PageQuery):
    pass


@operation("List licence acceptances", answer=AcceptancePage, query=AcceptanceQuery, tag="catalog")
def list_acceptances(request: Request) -> Response:
    """Your own, newest first; an admin sees everybody's."""
    query = read(request, AcceptanceQuery)
    rows = acceptances.seen(by=person(request), person=query.person, licence=query.licence)
    return page(request, rows, query, AcceptanceShape.of)


@operation(
    "Download licence acceptances", answer={(200, "text/csv"): OpenApiTypes.BINARY}, query=AcceptanceFilter, tag="catalog"
)
def download_acceptances(request: Request) -> HttpResponse:
    """Everybody's as CSV, for the records. For admins."""
    query = read(request, AcceptanceFilter)
    rows = acceptances.seen(by=person(request), person=query.person, licence=query.licence).order_by("pk")
    response = HttpResponse(acceptances.table(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="acceptances.csv"'
    return response


collection = resource(get=list_acceptances)
whole = resource(get=download_acceptances)
