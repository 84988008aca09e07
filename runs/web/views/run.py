"""The page of one run, each of its tabs, and the part of it that changes as it trains."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.services import lifecycle
from runs.web.door import page as for_people
from runs.web.door import person
from runs.web.portrait import Portrait
from runs.web.tabs import TABS, panel


@for_people
def page(request: HttpRequest, name: str, tab: str = "events") -> HttpResponse:
    """The whole page, or for htmx the panel of one tab, or the answers."""
    run = lifecycle.find(by=person(request), name=name)
    shown = {"portrait": Portrait(run, person(request), request.GET), "tab": tab, "tabs": TABS}
    target = request.headers.get("HX-Target", "")
    if target.endswith("answers"):
        return render(request, "runs/_answers.html", shown)
    template = "runs/_panel.html" if target.endswith("panel") else "runs/run.html"
    return render(request, template, {**shown, **panel(run, tab)})


@for_people
def state(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    return render(request, "runs/_state.html", {"portrait": Portrait(run, person(request), request.GET)})
