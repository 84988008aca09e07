"""The numbers behind a run's charts: thinned for the screen, complete as CSV."""

from django.http import HttpRequest, HttpResponse, JsonResponse

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
    headers = {"Content-Disposition": f'attachment; filename="{run.name}.csv"'}
    return HttpResponse(series.as_csv(run), content_type="text/csv; charset=utf-8", headers=headers)
