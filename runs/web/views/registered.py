"""Registered models: what finished runs became, version by version, and how to load them."""

from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.models import ModelVersion, Run, User
from runs.services.refused import NotFound
from runs.web.door import page, person
from runs.web.paging import paged


def _visible(user: User) -> QuerySet[ModelVersion]:
    """Versions of runs that this person may see, deleted runs included: what is registered stays."""
    return ModelVersion.objects.filter(run__in=Run.objects.visible_to(user))


@page
def index(request: HttpRequest) -> HttpResponseBase:
    words = request.GET.get("q", "").replace("\x00", "")
    every = _visible(person(request))
    found = every.filter(name__icontains=words) if words else every
    names = (
        found.values("name")
        .annotate(versions=Count("pk"), newest=Max("version"), changed=Max("created_at"))
        .order_by("-changed")
    )
    page_ = paged(request, names)
    latest = {
        version.name: version
        for version in every.filter(name__in=[row["name"] for row in page_])
        .select_related("run__base_model__licence", "run__owner")
        .order_by("version")
    }
    rows = [{**row, "latest": latest[row["name"]]} for row in page_]
    return render(request, "registered/index.html", {"page": page_, "rows": rows, "q": words, "any": every.exists()})


@page
def detail(request: HttpRequest, name: str) -> HttpResponseBase:
    related = ("run__base_model__licence", "run__dataset", "run__owner")
    versions = list(_visible(person(request)).filter(name=name).select_related(*related))
    if not versions:
        raise NotFound(f"There is no registered model “{name}”.")
    context = {"name": name, "versions": versions, "latest": versions[0], "tracking": settings.MLFLOW_TRACKING_URI}
    return render(request, "registered/detail.html", context)
