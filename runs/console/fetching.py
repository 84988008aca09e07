"""Fetch the weights of a base model: what it takes, asked once; afterwards its page shows how far it is."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from runs import wiring
from runs.console.table import by
from runs.models import BaseModel
from runs.services import fetching
from runs.services.refused import Refused

CHANGE = "admin:runs_basemodel_change"


def fetch(request: HttpRequest, key: int) -> HttpResponse:
    model = get_object_or_404(BaseModel, pk=key)
    try:
        if request.method == "POST":
            fetching.ask(model=model, by=by(request))
            messages.success(request, "The weights are being fetched. You may leave this page.")
            return redirect(CHANGE, key)
        listing = fetching.offer(model=model, by=by(request))
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(CHANGE, key)
    context = {
        "title": f"Fetch the weights of {model.display_name}",
        "model": model,
        "listing": listing,
        "hub": wiring.hub_endpoint(),
        "folder": wiring.model_folder(model),
    }
    return TemplateResponse(request, "admin/console/fetch.html", {**admin.site.each_context(request), **context})
