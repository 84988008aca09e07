"""Stop a run, or delete a finished one: a GET says what happens, a POST does it.

Pausing and resuming undo each other and ask nothing; moving a held run makes another of it.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from runs.services import holding, lifecycle, pausing
from runs.web.door import page, person


@require_http_methods(["GET", "POST"])
@page
def cancel(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    if request.method == "POST":
        lifecycle.cancel(run=run, by=person(request))
        return redirect("run", name)
    return render(request, "runs/cancel.html", {"run": run, "may_change": lifecycle.may_change(run, person(request))})


@require_http_methods(["GET", "POST"])
@page
def delete(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    if request.method == "POST":
        lifecycle.delete(run=run, by=person(request))
        messages.success(request, f"{run.name} was deleted.")
        return redirect("dashboard")
    return render(request, "runs/delete.html", {"run": run, "may_change": lifecycle.may_change(run, person(request))})


@require_POST
@page
def pause(request: HttpRequest, name: str) -> HttpResponse:
    pausing.pause(run=lifecycle.find(by=person(request), name=name), by=person(request))
    return redirect("run", name)


@require_POST
@page
def resume(request: HttpRequest, name: str) -> HttpResponse:
    pausing.resume(run=lifecycle.find(by=person(request), name=name), by=person(request))
    return redirect("run", name)


@require_POST
@page
def move(request: HttpRequest, name: str) -> HttpResponse:
    moved = holding.move(run=lifecycle.find(by=person(request), name=name), by=person(request))
    messages.success(request, f"{name} was moved: this run trains {moved.base_model.display_name}.")
    return redirect("run", moved.name)
