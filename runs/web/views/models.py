"""Base models: on offer, leaving, retired; one model with its licence and its acceptance."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from runs.models import BaseModel, ModelVersion, Run
from runs.services import access
from runs.services.refused import NotFound
from runs.web import offers
from runs.web.door import page, person
from runs.web.offers import Offer
from runs.web.tasks import TASKS


@page
def index(request: HttpRequest) -> HttpResponseBase:
    """Those that leave soonest come before those that stay; retired ones are kept as history."""
    user, words = person(request), request.GET.get("q", "")
    every = offers.on_offer(user)
    found = [offer for offer in every if offer.matches(words)]
    retired = BaseModel.objects.retired().permitted_to(user).select_related("licence", "replacement")
    context = {
        "leaving": sorted((offer for offer in found if offer.model.is_leaving), key=lambda offer: str(offer.model.retires_on)),
        "staying": [offer for offer in found if not offer.model.is_leaving],
        "retired": [offer for offer in offers.offers(retired.order_by("-retires_on", "name"), user) if offer.matches(words)],
        "q": words,
        "count": len(every),
    }
    return render(request, "models/index.html", context)


def _find(request: HttpRequest, name: str) -> Offer:
    offer = offers.one(name, person(request))
    if offer is None or not (offer.model.enabled or offer.model.is_retired or person(request).is_admin):
        raise NotFound(f"There is no base model “{name}”.")
    return offer


@page
def detail(request: HttpRequest, name: str) -> HttpResponseBase:
    offer, user = _find(request, name), person(request)
    context = {
        "offer": offer,
        "model": offer.model,
        "tasks": [TASKS[task] for task in offer.model.task_types if task in TASKS],
        "runs": Run.objects.alive().filter(base_model=offer.model).visible_to(user).select_related("owner", "dataset")[:10],
        "versions": ModelVersion.objects.filter(run__base_model=offer.model).count(),
        "console": reverse("admin:runs_basemodel_change", args=[offer.model.pk]) if user.is_admin else "",
    }
    return render(request, "models/detail.html", context)


@page
@require_POST
def accept(request: HttpRequest, name: str) -> HttpResponseBase:
    licence = _find(request, name).model.licence
    access.accept_licence(licence=licence, by=person(request))
    messages.success(request, f"You accepted the {licence.name}.")
    return redirect("model", name)
