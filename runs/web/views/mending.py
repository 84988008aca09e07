"""A finding's remedy: a new data set beside the old one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from runs.data.remedies import Remedy
from runs.models import DataSet, Measurement
from runs.services import datasets, remedying
from runs.services.refused import Refused, invalid
from runs.web.door import page, person
from runs.web.inspection import inspect
from runs.web.lens import Lens, address, lens

FIELDS = ("kind", "share", "seed", "context_length")


@page
def profile(request: HttpRequest, name: str) -> HttpResponseBase:
    """The profile as a fragment, for a page that waits for it."""
    dataset, user = datasets.find(by=person(request), name=name), person(request)
    seen = lens(request.GET, dataset, user)
    found = inspect(dataset, seen.model, seen.context_length, seen.evaluation, rows=0)
    context = {"found": found, "lens": seen, "plain": request.GET.get("plain") == "1", "may_train": user.may_train}
    return render(request, "data/_profile.html", context)


@page
def derived(request: HttpRequest, name: str) -> HttpResponseBase:
    """What was made and is being made from a data set as a fragment, for a page that waits for it."""
    dataset = datasets.find(by=person(request), name=name)
    made = DataSet.objects.visible_to(person(request)).filter(derived_from=dataset)
    context = {"dataset": dataset, "derived": made, "making": remedying.under_way(dataset)}
    return render(request, "data/_derived.html", context)


@require_POST
@page
def derive(request: HttpRequest, name: str) -> HttpResponseBase:
    user = person(request)
    dataset = datasets.find(by=user, name=name)
    seen = lens(request.POST, dataset, user)
    try:
        remedy = Remedy.model_validate({key: request.POST[key] for key in FIELDS if request.POST.get(key)})
    except ValidationError as error:
        return _back(request, name, seen, invalid(error))
    try:
        made = remedying.derive(
            by=user,
            dataset=dataset,
            remedy=remedy,
            name=request.POST.get("name", ""),
            evaluation=seen.evaluation,
            model=seen.model,
        )
    except Refused as refused:
        return _back(request, name, seen, refused)
    return _made(request, name, seen, made)


def _made(request: HttpRequest, name: str, seen: Lens, made: Measurement) -> HttpResponseBase:
    if made.is_refused:
        messages.error(request, made.reason)
    found = remedying.result_of(made)
    if not found:
        if not made.is_refused:
            messages.info(request, "The new rows are being made. They will stand under “Derived” on this page.")
        return redirect(_page(name, seen))
    others = f" The rows split off are in {found[1].name}." if len(found) > 1 else ""
    messages.success(request, f"{found[0].name} is here: {found[0].rows:,} rows. {name} stays as it was.{others}")
    return redirect("dataset", found[0].name)


def _back(request: HttpRequest, name: str, seen: Lens, refused: Refused) -> HttpResponseBase:
    messages.error(request, refused.message)
    return redirect(_page(name, seen))


def _page(name: str, seen: Lens) -> str:
    """The page as it was seen when the remedy was asked for."""
    return f"{reverse('dataset', args=[name])}?{address(seen.model, seen.context_length, seen.evaluation)}"
