"""Who sees a run, a data set or a registered model; and having a trained run registered."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from runs.models import Visibility
from runs.services import datasets, lifecycle, publishing, sharing
from runs.services.sharing import Thing
from runs.web.door import page, person


@require_POST
@page
def run(request: HttpRequest, name: str) -> HttpResponseBase:
    return _share(request, lifecycle.find(by=person(request), name=name), "run", name)


@require_POST
@page
def dataset(request: HttpRequest, name: str) -> HttpResponseBase:
    return _share(request, datasets.find(by=person(request), name=name), "dataset", name)


@require_POST
@page
def registered(request: HttpRequest, name: str) -> HttpResponseBase:
    return _share(request, sharing.registered(by=person(request), name=name), "registered-model", name)


@require_POST
@page
def register(request: HttpRequest, name: str) -> HttpResponseBase:
    publishing.register(run=lifecycle.find(by=person(request), name=name), by=person(request))
    messages.success(request, "It is being registered; this takes a minute.")
    return redirect("run", name)


def _share(request: HttpRequest, thing: Thing, to: str, name: str) -> HttpResponseBase:
    sharing.share(thing=thing, by=person(request), visibility=request.POST.get("visibility", ""))
    messages.success(request, f"{thing} is seen by: {Visibility(thing.visibility).label.lower()}.")
    return redirect(to, name)
