"""One tutorial; the list of them is on the help page."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.web.door import page
from runs.web.tutorials import TUTORIALS, examples


@page
def show(request: HttpRequest, slug: str) -> HttpResponseBase:
    if slug not in TUTORIALS:
        raise Http404
    context = {
        "tutorial": TUTORIALS[slug],
        "tutorials": TUTORIALS.values(),
        "code": examples(),
        "host": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, f"help/{slug}.html", context)
