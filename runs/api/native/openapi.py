"""The OpenAPI document, made from the operations, and a page that shows it without a script."""

import json
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.endpoint import resource
from runs.api.native.examples import ANSWERS, BODIES
from runs.api.native.links import link
from runs.api.native.problems import MEDIA_TYPE, ProblemDocument
from runs.api.native.query import NO_NUL

OPTIONAL_BODIES = {"cancel_run"}  # operations that an empty body means something to


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1 of REST v1. Every operation may also answer with a problem document."""
    from runs.api.native.urls import operations  # they import this module

    generator = SchemaGenerator(  # type: ignore[no-untyped-call]
        patterns=[path("api/v1/", include(operations))]
    )
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["components"]["schemas"].update(_problem_schemas())
    answer = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}}
    for operations_of_path in made["paths"].values():
        for operation in operations_of_path.values():
            operation["responses"]["default"] = answer
            link(operation)
            if operation["operationId"] not in OPTIONAL_BODIES and "requestBody" in operation:
                operation["requestBody"]["required"] = True
    _complete(made["components"]["schemas"])
    return made


def _complete(schemas: dict[str, Any]) -> None:
    """Examples for every shape, and for what comes in: no text has a NUL, which PostgreSQL does not keep."""
    for name, example in (BODIES | ANSWERS).items():
        schemas[name]["examples"] = [example]
    for name in BODIES:
        _without_nul(schemas[name])


def _without_nul(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _without_nul(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const", "format"}:
            schema["pattern"] = NO_NUL
        for key, part in schema.items():
            if key != "examples":
                _without_nul(part)


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "ProblemDocument": schema}


def show_openapi(request: Request) -> Response:
    return Response(document())


show = resource(get=show_openapi)


@login_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same as a page: operations by tag, then the shapes they speak in. Everybody with an account may read it."""
    made = document()
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, methods in made["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(
                {"method": method.upper(), "path": address, **_readable(operation)}
            )
    return render(request, "api/docs.html", {"groups": groups, "shapes": _shapes(made), "codes": CODES})


def _readable(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    answers = {
        status: _names(answer.get("content", {})) for status, answer in operation["responses"].items() if status != "default"
    }
    return {**operation, "body": _names(body), "answers": answers}


def _names(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Each media type with the name of its shape, empty when it has none."""
    return [(media, part.get("schema", {}).get("$ref", "").rpartition("/")[2]) for media, part in content.items()]


def _shapes(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    schemas = made["components"]["schemas"]
    return {name: {"fields": _fields(schema), "example": _example(schema)} for name, schema in schemas.items()}


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": field, "kind": _kind(part), "required": field in schema.get("required", []), **part}
        for field, part in schema.get("properties", {}).items()
    ]


def _example(schema: dict[str, Any]) -> str:
    return json.dumps(schema["examples"][0], indent=2, ensure_ascii=False) if "examples" in schema else ""


def _kind(part: dict[str, Any]) -> str:
    if "anyOf" in part:
        return " or ".join(_kind(option) for option in part["anyOf"])
    if part.get("type") == "array":
        return f"list of {_kind(part.get('items', {}))}"
    if "enum" in part:
        return ", ".join(map(str, part["enum"]))
    return str(part["$ref"].rpartition("/")[2] if "$ref" in part else part.get("const") or part.get("type", "any"))


CODES = {
    "invalid": "A field breaks a rule; `field` and `detail` say which.",
    "unfit": "It does not go with how things stand, a moment that is over, say.",
    "required": "A field that must be there is not.",
    "unreadable_body": "The body is not what its Content-Type says.",
    "unauthenticated": "No token, or one that is unknown, expired or revoked.",
    "not_allowed": "You may not do this.",
    "not_found": "It is not there, or not for you.",
    "unknown_model": "There is no such base model.",
    "does_not_fit": "This machine cannot hold it. `facts.suggestion` of the problem has settings that fit.",
    "model_retired": "The base model is no longer offered; `detail` names its replacement.",
    "model_unavailable": "The base model's weights are not on this machine.",
    "licence_not_accepted": "Accept the base model's licence first.",
    "unknown_data": "There is no such data set, or no such file.",
    "bad_data": "The file cannot be trained on; `report` has every problem with its line.",
    "key_reused": "The Idempotency-Key was used before, for a different request.",
    "still_counting": "What was asked for is being computed. Ask again in a moment; the sentence says how far it is.",
    "still_checking": "Large data are being checked. Ask /api/v1/checks/{facts.check} until they are, then send this again.",
    "cannot_cancel": "The run has ended, or is ending.",
    "cannot_pause": "The run has ended or is ending, or there is nothing to resume.",
    "cannot_delete": "It is still in use.",
    "model_deprecated": "The base model is leaving: those who already use it go on, and nobody begins. See `problems[].facts`.",
    "model_reserved": "The base model is kept for other roles or teams.",
    "cannot_move": "The run is not held, or no replacement was named for its base model.",
    "cannot_stop": "It is not under way.",
    "cannot_retry": "It was not given up.",
    "cannot_register": "There is nothing to register: the run has not completed, or is registered.",
    "too_many_probes": "Some of yours are under way. Ask again when one has ended.",
    "quota_reached": "A quota of yours or of your team is used up; `detail` says which.",
    "cannot_retire": "The retirement contradicts itself or another one.",
    "method_not_allowed": "The address exists, the method does not.",
    "unsupported_media_type": "Send application/json (for data sets also a form or raw rows).",
    "too_large": "The body is over the limit of this address; `detail` names another that takes it, if there is one.",
    "throttled": "Too many requests; Retry-After says how long to wait, in seconds.",
    "too_slow": "The body came too slowly.",
    "unavailable": "The database does not answer. Try again.",
    "internal_error": "Our fault; the server's log has the details.",
}
