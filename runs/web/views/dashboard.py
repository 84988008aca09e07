"""The dashboard: all runs at a glance, and one row of it for live pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.services import lifecycle
from runs.web.door import page, person
from runs.web.listing import Listing
from runs.web.rows import rows


@page
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing(person(request), request.GET)
    template = "runs/_list.html" if request.headers.get("HX-Request") else "runs/dashboard.html"
    return render(request, template, {"listing": listing, "rows": rows(list(listing.page))})


@page
def row(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    return render(request, "runs/_row.html", {"row": rows([run])[0]})


@page
def foot(request: HttpRequest) -> HttpResponse:
    return render(request, "_foot.html")
