"""JSON answers: with an ETag where clients poll, so that an unchanged thing costs no bytes."""

import hashlib
from typing import Any

import orjson
from django.utils.http import quote_etag
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response


def shown(shape: BaseModel, status: int = 200) -> Response:
    return Response(shape.model_dump(mode="json"), status)


def tagged(request: Request, body: Any) -> Response:
    """`body` with its ETag, or 304 when the client has just that."""
    tag = quote_etag(hashlib.sha256(orjson.dumps(body)).hexdigest()[:32])
    known = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
    response = Response(status=304) if tag in known or "*" in known else Response(body)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    return response
