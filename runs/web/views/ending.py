"""Stop a run, or delete a finished one: a GET says what happens, a POST does it.

Pausing and resuming undo each other and ask nothing; moving held runs makes others of them.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from runs.models import BaseModel
from runs.services import lifecycle, moving, pausing
from runs.services.refused import NotFound
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
    moved = moving.move(run=lifecycle.find(by=person(request), name=name), by=person(request))
    messages.success(request, f"{name} was moved: this run trains {moved.base_model.display_name}.")
    return redirect("run", moved.name)


@require_http_methods(["GET", "POST"])
@page
def held(request: HttpRequest, name: str) -> HttpResponse:
    """A person's own held runs of a base model: where they could go, and all of them there with one button."""
    model = BaseModel.objects.select_related("replacement__licence").filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no base model “{name}”.")
    by = person(request)
    moves = moving.move_all(model=model, by=by) if request.method == "POST" else []
    moved = [move.made for move in moves if move.made]
    if moved:
        said = f"{len(moved)} runs train" if len(moved) > 1 else "1 run trains"
        messages.success(request, f"{said} {moved[0].base_model.display_name} now.")
    runs = moving.held_of(by=by, model=model)
    if moved and not runs.exists():
        return redirect("dashboard")
    refused = {move.held.pk: move.problems for move in moves if not move.made}
    shown = [(run, refused.get(run.pk, [])) for run in runs[: moving.MOST]]
    context = {"model": model, "runs": shown, "count": runs.count()}
    return render(request, "runs/held.html", context, status=409 if refused else 200)
