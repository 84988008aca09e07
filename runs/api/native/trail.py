"""The audit log, for admins: searched, filtered, downloaded."""

from datetime import datetime
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.moments import Moment
from runs.api.native.paging import page
from runs.api.native.query import PageQuery, Query, read
from runs.api.native.shapes import Shape
from runs.models import AuditEntry
from runs.services import history


class EntryShape(Shape):
    """Who did what, or tried to."""

    number: int | None = Field(description="Place in the chain")
    time: datetime
    name: str = Field(description="User name at that time; empty: the product itself, or somebody who had not logged in")
    action: str = Field(description="As in run.cancel; of a refused request its method and address")
    target: str
    outcome: Literal["done", "refused"]
    door: str
    address: str = Field(description="Where it came from")
    request_id: str = Field(description="As in the answer's X-Request-ID and in the log")
    before: dict[str, Any]
    after: dict[str, Any]
    details: dict[str, Any]
    previous: str = Field(description="Hash of the entry before")
    digest: str
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> "EntryShape":
        return cls.model_validate(entry)


class EntryPage(BaseModel):
    data: list[EntryShape]
    next: str | None


class TrailFilter(Query):
    q: str = Field(default="", max_length=200, description="Words that must all stand somewhere in an entry")
    who: str = Field(default="", max_length=150, description="Only entries of this person")
    action: str = Field(default="", max_length=100, description="Only this action, or those that begin like this")
    outcome: Literal["", "done", "refused"] = Field(default="", description="Only what was done, or what was refused")
    door: str = Field(default="", max_length=12, description="Only what came in by web, console, rest, databricks, ...")
    since: Moment | None = Field(default=None, description="Only entries at or after this moment")
    until: Moment | None = Field(default=None, description="Only entries before this moment")


class TrailQuery(TrailFilter, PageQuery):
    pass


def _found(request: Request, query: TrailFilter) -> QuerySet[AuditEntry]:
    wanted = query.model_dump(exclude={"q", "limit", "cursor"})
    return history.search(by=person(request), words=query.q, **wanted)


@operation("List the audit log", answer=EntryPage, query=TrailQuery, tag="audit")
def list_audit(request: Request) -> Response:
    """What was done and what was refused, through every door, newest first. For admins."""
    query = read(request, TrailQuery)
    return page(request, _found(request, query), query, EntryShape.of)


@operation("Download the audit log", answer={(200, "application/jsonl"): OpenApiTypes.BINARY}, query=TrailFilter, tag="audit")
def download_audit(request: Request) -> FileResponse:
    """As JSON lines, oldest first. For admins."""
    file = history.written(_found(request, read(request, TrailFilter)))
    return FileResponse(file, as_attachment=True, filename="audit.jsonl", content_type="application/jsonl")


collection = resource(get=list_audit)
whole_log = resource(get=download_audit)
