"""Weights of a base model: fetched with one click by an admin, and for everybody how far they are."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs.models import BaseModel, Download
from runs.services import fetching
from runs.services.checks import weights_are_here
from runs.services.refused import NotFound, Refused
from runs.templatetags.marks import size
from runs.web.door import page, person


@page
def show(request: HttpRequest, name: str) -> HttpResponseBase:
    """The fragment that renews itself while they come."""
    model, download = _model(request, name), Download.objects.select_related("by").filter(base_model__name=name).first()
    here = weights_are_here(model)
    context = {"model": model, "download": download, "here": here, "admin": person(request).is_admin, "fresh": True}
    return render(request, "models/_download.html", context)


@page
@require_POST
def fetch(request: HttpRequest, name: str) -> HttpResponseBase:
    model = _model(request, name)
    try:
        download = fetching.ask(model=model, by=person(request))
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{size(download.total)} of weights are being fetched. You may leave this page.")
    return redirect("model", name)


@page
@require_POST
def stop(request: HttpRequest, name: str) -> HttpResponseBase:
    fetching.stop(model=_model(request, name), by=person(request))
    messages.success(request, "Stopped, and what had come is thrown away.")
    return redirect("model", name)


def _model(request: HttpRequest, name: str) -> BaseModel:
    model = BaseModel.objects.permitted_to(person(request)).filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no base model “{name}”.")
    return model
