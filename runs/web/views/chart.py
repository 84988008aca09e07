"""The numbers behind a run's charts: thinned for the screen, complete as CSV."""

import csv as writer

from django.http import HttpRequest, HttpResponse, JsonResponse

from runs.models import MetricPoint
from runs.models.metric import MetricKind
from runs.services import lifecycle, series
from runs.web import charts
from runs.web.door import page, person

MOST = 2_000  # points a series on the screen: one for each pixel of a wide one


@page
def data(request: HttpRequest, name: str) -> HttpResponse:
    """`{"figures": ..., "series": ..., "cursor": ...}`; points after the cursor come through the run's stream."""
    run = lifecycle.find(by=person(request), name=name)
    cursor = series.newest(run)  # first: a point that comes meanwhile is then sent twice rather than never
    view = charts.View.read(request.GET)
    return JsonResponse({"figures": charts.figures(view), "series": series.series(run, most=MOST), "cursor": cursor})


@page
def csv(request: HttpRequest, name: str) -> HttpResponse:
    """Every point of the run, one a line."""
    run = lifecycle.find(by=person(request), name=name)
    keys = list(dict.fromkeys(key for kind in MetricKind.values for key in series.VALUES[kind]))
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{run.name}.csv"'}
    )
    lines = writer.writer(response)
    lines.writerow(["kind", "step", "epoch", "tokens", "time", *keys])
    for point in MetricPoint.objects.filter(run=run).order_by("step", "kind").iterator():
        values = [point.values.get(key, "") for key in keys]
        lines.writerow([point.kind, point.step, point.epoch, point.tokens, point.time.isoformat(), *values])
    return response
