"""Runs: create, list, show, cancel, delete."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.bodies import json_of, read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.paging import page
from runs.api.native.query import RunsQuery, read
from runs.api.native.repeating import PARAMETER, key_of
from runs.api.native.shapes import CancelBody, RunPage, RunShape
from runs.contract.request import RunRequest
from runs.models import Run
from runs.services import lifecycle, pausing


@operation("List runs", answer=RunPage, query=RunsQuery, tag="runs")
def list_runs(request: Request) -> Response:
    """Runs that you may see, newest first unless `order` says otherwise."""
    query = read(request, RunsQuery)
    rows = Run.objects.visible_to(person(request)).alive().for_page().select_related("version", "version__run__base_model")
    wanted: dict[str, Any] = {
        "status__in": [*filter(None, query.status.split(","))], "base_model__name": query.model, "dataset__name": query.dataset,
        "task_type": query.task_type, "owner__username": query.owner, "name__icontains": query.search,
        "created_at__gte": query.since, "created_at__lt": query.before,
    }  # fmt: skip
    rows = rows.filter(**{key: value for key, value in wanted.items() if value})
    return page(request, rows, query, RunShape.of, order=query.order)


@operation("Create a run", answer=RunShape, status=201, body=RunRequest, headers=[PARAMETER], tag="runs")
def create_run(request: Request) -> Response:
    """The model's licence must have been accepted. The answer comes at once; the run starts when a device is free."""
    asked = lifecycle.read_request(json_of(request))
    run = lifecycle.submit(by=person(request), asked=asked, idempotency_key=key_of(request))
    response = shown(RunShape.of(run), 201)
    response.headers["Location"] = request.build_absolute_uri(f"/api/v1/runs/{run.name}")
    return response


@operation("Show a run", answer=RunShape, tag="runs")
def show_run(request: Request, name: str) -> Response:
    """With an ETag: ask again with If-None-Match and get 304 until something has changed."""
    return tagged(request, RunShape.of(lifecycle.find(by=person(request), name=name)).model_dump(mode="json"))


@operation("Cancel a run", answer=RunShape, body=CancelBody, tag="runs")
def cancel_run(request: Request, name: str) -> Response:
    """A waiting run stops at once, a training one after its step, with a usable checkpoint."""
    body = read_body(CancelBody, request)
    run = lifecycle.find(by=person(request), name=name)
    return shown(RunShape.of(lifecycle.cancel(run=run, by=person(request), reason=body.reason)))


@operation("Pause a run", answer=RunShape, tag="runs")
def pause_run(request: Request, name: str) -> Response:
    """A waiting run leaves the queue at once; a training one keeps its place after its step and frees its device."""
    run = lifecycle.find(by=person(request), name=name)
    return shown(RunShape.of(pausing.pause(run=run, by=person(request))))


@operation("Resume a run", answer=RunShape, tag="runs")
def resume_run(request: Request, name: str) -> Response:
    """A paused run joins the end of the queue and goes on where it was."""
    run = lifecycle.find(by=person(request), name=name)
    return shown(RunShape.of(pausing.resume(run=run, by=person(request))))


@operation("Delete a run", status=204, tag="runs")
def delete_run(request: Request, name: str) -> Response:
    """Takes a finished run off the lists and its files off the disk. Models that it registered stay."""
    lifecycle.delete(run=lifecycle.find(by=person(request), name=name), by=person(request))
    return Response(status=204)


collection = resource(get=list_runs, post=create_run)
item = resource(get=show_run, delete=delete_run)
cancel = resource(post=cancel_run)
pause = resource(post=pause_run)
resume = resource(post=resume_run)
