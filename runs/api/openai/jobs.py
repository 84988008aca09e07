"""`/v1/fine_tuning/jobs`: runs as jobs."""

import time
from heapq import nlargest
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from runs.api.openai import naming
from runs.api.openai.bodies import read_job, run_request
from runs.api.openai.door import Missing, is_resent, resource
from runs.api.openai.paging import behind, limit_of, page
from runs.api.openai.shapes import checkpoint_object, event_object, job_object, metrics_object
from runs.contract.events import EventType
from runs.models import MetricPoint, Run, User
from runs.services import lifecycle, pausing
from runs.services.resending import once_if_resent

A_PAGE, MOST = 20, 100
PATIENCE = 8.0  # seconds that an answer waits for an engine to have left; the client's own is ten minutes
SHOWN = ("owner__team", "base_model", "dataset", "eval_dataset")


def create(request: HttpRequest, user: User) -> HttpResponseBase:
    body = read_job(request)
    key = request.headers.get("Idempotency-Key", "")[:200]
    run = once_if_resent(
        by=user,
        text=f"{key} {body.model_dump_json()}",
        make=lambda: lifecycle.submit(
            by=user, asked=run_request(body, user), idempotency_key=key, labels=body.labels, waits=True
        ),
        earlier=lambda name: Run.objects.alive().filter(owner=user, name=name).first(),
        resent=is_resent(request),
    )
    return JsonResponse(job_object(run))


def index(request: HttpRequest, user: User) -> HttpResponseBase:
    limit = limit_of(request, A_PAGE, MOST)
    rows: Any = Run.objects.alive().visible_to(user).select_related(*SHOWN)
    if request.GET.get("metadata") == "null":
        rows = rows.filter(Q(labels__metadata=None) | Q(labels__metadata__isnull=True))
    for name, value in request.GET.items():
        if name.startswith("metadata[") and name.endswith("]"):
            rows = rows.filter(labels__metadata__contains={name[9:-1]: value})
    if after := request.GET.get("after"):
        rows = behind(rows, naming.find_run(user, after), "created_at")
    return page(list(rows.order_by("-created_at", "-pk")[: limit + 1]), limit, job_object)


def show(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    return JsonResponse(job_object(naming.find_run(user, key)))


def cancel(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    return JsonResponse(job_object(lifecycle.cancel(run=naming.find_run(user, key), by=user)))


def pause(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    """Answered when the engine has left, if that is soon: until then the job is running, and says so."""
    run = pausing.pause(run=naming.find_run(user, key), by=user)
    deadline = time.monotonic() + PATIENCE
    while run.is_pausing and time.monotonic() < deadline:
        time.sleep(0.1)
        run.refresh_from_db()
    return JsonResponse(job_object(run))


def resume(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    return JsonResponse(job_object(pausing.resume(run=naming.find_run(user, key), by=user)))


def events(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    """The timeline and the metrics of every step, newest first."""
    run, limit = naming.find_run(user, key), limit_of(request, A_PAGE, MOST)
    # A step may be told in the same moment as an event, and then comes after it. `TRAIN_UPDATED` only repeats the last step.
    said: Any = run.events.exclude(type=EventType.TRAIN_UPDATED)
    measured: Any = MetricPoint.objects.filter(run=run)
    if after := request.GET.get("after"):
        said, measured = _behind(said, measured, after)
    newest = ("-time", "-pk")
    rows = [(row.time, 1, row.pk, row) for row in said.order_by(*newest)[: limit + 1]]
    rows += [(row.time, 0, row.pk, row) for row in measured.order_by(*newest)[: limit + 1]]
    found = [row for *_, row in nlargest(limit + 1, rows, key=lambda row: row[:3])]
    return page(found, limit, lambda row: metrics_object(row) if isinstance(row, MetricPoint) else event_object(row))


def _behind(said: Any, measured: Any, after: str) -> tuple[Any, Any]:
    kind, number = after.removeprefix("ftevent-")[:1], after.removeprefix("ftevent-")[1:]
    rows = {"e": said, "m": measured}.get(kind)
    last = rows.filter(pk=int(number)).first() if rows is not None and number.isdecimal() and len(number) < 18 else None
    if last is None:
        raise Missing(f"No such event: {after[:100]}", param="after")
    if kind == "e":
        return behind(said, last, "time"), measured.filter(time__lte=last.time)
    return said.filter(time__lt=last.time), behind(measured, last, "time")


def checkpoints(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    """Those that are kept, newest first, each with what was measured at its step."""
    run, limit = naming.find_run(user, key), limit_of(request, 10, MOST)
    rows: Any = run.checkpoints.filter(deleted_at__isnull=True)
    if after := request.GET.get("after"):
        number = after.removeprefix("ftckpt-")
        last = rows.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
        if last is None:
            raise Missing(f"No such checkpoint: {after[:100]}", param="after")
        rows = behind(rows, last, "step")
    found = list(rows.order_by("-step", "-pk")[: limit + 1])
    at = MetricPoint.objects.filter(run=run, step__in=[row.step for row in found])
    points = {(str(point.kind), point.step): point for point in at}
    return page(found, limit, lambda row: checkpoint_object(row, run, points))


collection = resource(get=index, post=create)
item = resource(get=show)
canceled = resource(post=cancel)
paused = resource(post=pause)
resumed = resource(post=resume)
told = resource(get=events)
kept = resource(get=checkpoints)
