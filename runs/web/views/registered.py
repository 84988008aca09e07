"""Registered models: what finished runs became, version by version, and how to load them."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.models import ModelVersion, RegisteredModel, User
from runs.services import publishing, sharing
from runs.services.refused import NotFound
from runs.web.door import page, person
from runs.web.paging import paged
from runs.web.portrait import Portrait
from runs.web.snippets import loading


def _visible(user: User) -> QuerySet[ModelVersion]:
    """Versions that this person may see, those of deleted runs included: what is registered stays."""
    return ModelVersion.objects.visible_to(user)


@page
def index(request: HttpRequest) -> HttpResponseBase:
    """One line a name, with its newest version."""
    words = request.GET.get("q", "")
    every = _visible(person(request))
    newest = every.order_by("name", "-version").distinct("name").values("pk")
    found = every.filter(pk__in=newest, name__icontains=words).select_related("run__base_model__licence", "run__owner")
    context = {"page": paged(request, found.order_by("-created_at")), "q": words, "any": every.exists()}
    return render(request, "registered/index.html", context)


@page
def detail(request: HttpRequest, name: str) -> HttpResponseBase:
    related = ("run__base_model__licence", "run__dataset", "run__owner")
    versions = list(_visible(person(request)).filter(name=name).select_related(*related))
    if not versions:
        raise NotFound(f"There is no registered model “{name}”.")
    latest = versions[0]
    snippet = loading(settings.MLFLOW_TRACKING_URI, latest.uri, latest.run.task_type)
    known = [(version, Portrait(version.run, person(request), {}).lineage) for version in versions]
    prefix = latest.run.base_model.licence.name_prefix
    model = RegisteredModel.objects.select_related("owner", "team").filter(name=name).first()
    context = {
        "name": name,
        "versions": known,
        "latest": latest,
        "snippet": snippet,
        "forbidden": publishing.breaks(name, prefix),
        "prefix": prefix,
        "card": publishing.card_of(latest.run),
        "model": model,
        "may_share": model is not None and sharing.may_share(model, person(request)),
    }
    return render(request, "registered/detail.html", context)
