"""What a run has said and made: events, metrics, samples, checkpoints, log, specification."""

from django.http import FileResponse, HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.paging import page, whole
from runs.api.native.query import LogQuery, MetricsQuery, PageQuery, Query, read
from runs.api.native.sampling import points
from runs.api.native.shapes import CheckpointList, CheckpointShape, EventList, EventShape, PointList, SamplePage, SampleShape
from runs.contract.spec import RunSpec
from runs.models import Run
from runs.services import lifecycle
from runs.services.outputs import full_specification, last_lines, log_file


def _run(request: Request, name: str, query: type[Query] = Query) -> Run:
    read(request, query)
    return lifecycle.find(by=person(request), name=name)


@operation("List a run's events", answer=EventList, tag="outputs")
def list_events(request: Request, name: str) -> Response:
    """The timeline, oldest first. TRAIN_UPDATED is one entry that moves."""
    return tagged(request, whole([EventShape.of(event) for event in _run(request, name).events.all()]))


@operation("List a run's metrics", answer=PointList, query=MetricsQuery, tag="outputs")
def list_metrics(request: Request, name: str) -> Response:
    """Points in the order of steps, thinned out to `points`: the lowest and highest losses of each stretch stay."""
    query = read(request, MetricsQuery)
    run = lifecycle.find(by=person(request), name=name)
    return tagged(request, whole(list(points(run, query))))


@operation("List a run's sample answers", answer=SamplePage, query=PageQuery, tag="outputs")
def list_samples(request: Request, name: str) -> Response:
    """Answers to the evaluation prompts at each evaluation, oldest first."""
    rows = _run(request, name, PageQuery).samples.all()
    return page(request, rows, read(request, PageQuery), SampleShape.of, order="oldest")


@operation("List a run's checkpoints", answer=CheckpointList, tag="outputs")
def list_checkpoints(request: Request, name: str) -> Response:
    """Those that are there and those that made room, by step."""
    return tagged(request, whole([CheckpointShape.of(row) for row in _run(request, name).checkpoints.all()]))


@operation("Download a run's log", answer={(200, "text/plain"): OpenApiTypes.STR}, query=LogQuery, tag="outputs")
def download_log(request: Request, name: str) -> HttpResponseBase:
    """What the training process wrote to its standard output and error."""
    query = read(request, LogQuery)
    run = lifecycle.find(by=person(request), name=name)
    if query.lines:
        headers = {"Content-Disposition": f'attachment; filename="{run.name}.txt"'}
        return HttpResponse(last_lines(run, query.lines), content_type="text/plain; charset=utf-8", headers=headers)
    return FileResponse(
        log_file(run).open("rb"), as_attachment=True, filename=f"{run.name}.txt", content_type="text/plain; charset=utf-8"
    )


@operation("Show a run's full specification", answer=RunSpec, tag="outputs")
def show_spec(request: Request, name: str) -> Response:
    """Every setting, resolved: what the engine trains from."""
    return shown(full_specification(_run(request, name)))


events = resource(get=list_events)
metrics = resource(get=list_metrics)
samples = resource(get=list_samples)
checkpoints = resource(get=list_checkpoints)
log = resource(get=download_log)
spec = resource(get=show_spec)
