"""Large files in parts, as the browser sends them: announce, send, ask how far, go on after a cut, make a data set of it."""

from typing import BinaryIO, cast

from drf_spectacular.types import OpenApiTypes
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import RAW_PARSERS, StrictJSONParser, read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.query import Query, read
from runs.api.native.shapes import Shape
from runs.services import arrivals

CHUNK = 1 << 20  # bytes


class UploadBody(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"filename": "helpdesk.jsonl.gz", "bytes": 1_500_000_000}]}
    )
    filename: str = Field(min_length=1, max_length=255, description="Its ending says how it is read")
    bytes: int = Field(ge=0, le=2**53, strict=True, description="Size of the whole file")


class PartQuery(Query):
    offset: int = Field(ge=0, le=2**53, description="Where in the file the part begins: what was received so far")


class UploadShape(Shape):
    """A file on its way in. It is deleted a day after its last part."""

    key: str
    filename: str
    bytes: int
    received: int = Field(description="Bytes that are here; the next part begins there")


def _shape(found: arrivals.Arrival) -> UploadShape:
    return UploadShape(key=found.key, filename=found.filename, bytes=found.bytes, received=found.received)


@operation("Begin an upload in parts", answer=UploadShape, status=201, body=UploadBody, creates=True, tag="datasets")
def begin_upload(request: Request) -> Response:
    """Then PATCH its parts in order, and POST /api/v1/datasets?upload=<key>&task_type=… when all of it is here."""
    body = read_body(UploadBody, request)
    return shown(_shape(arrivals.begin(by=person(request), filename=body.filename, size=body.bytes)), 201)


@operation("Show an upload", answer=UploadShape, tag="datasets")
def show_upload(request: Request, upload: str) -> Response:
    """How far it is, to go on after a cut."""
    return shown(_shape(arrivals.find(by=person(request), key=upload)))


@operation(
    "Send a part",
    answer=UploadShape,
    body={"application/octet-stream": OpenApiTypes.BINARY},
    query=PartQuery,
    tag="datasets",
)
def send_part(request: Request, upload: str) -> Response:
    """Any number of bytes. 409 when the file stands elsewhere than at `offset`: ask, and go on from there."""
    arrivals.find(by=person(request), key=upload)
    offset = read(request, PartQuery).offset
    stream = cast(BinaryIO, request.data) if not isinstance(request.data, dict) else None
    chunks = iter(lambda: stream.read(CHUNK), b"") if stream else ()
    return shown(_shape(arrivals.append(by=person(request), key=upload, offset=offset, chunks=chunks)))


@operation("Delete an upload", status=204, tag="datasets")
def delete_upload(request: Request, upload: str) -> Response:
    """What has come is forgotten."""
    arrivals.drop(by=person(request), key=upload)
    return Response(status=204)


collection = resource(parsers=[StrictJSONParser], post=begin_upload)
item = resource(parsers=RAW_PARSERS, get=show_upload, patch=send_part, delete=delete_upload)
