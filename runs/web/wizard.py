"""What the pages of the wizard show: the line of steps, the step's own form, and the box “This run” beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from runs.contract.spec import TaskType
from runs.models import BaseModel, DataSet, Draft, Run, Taking
from runs.services import drafts, lifecycle
from runs.services.drafts import DATA_FIELDS
from runs.services.refused import Problem
from runs.web import steps
from runs.web.door import person
from runs.web.fields import settings
from runs.web.inspection import Inspection, inspect
from runs.web.offers import offers, on_offer, one
from runs.web.steps import Step
from runs.web.summary import summary
from runs.web.tasks import TASKS


def show(
    request: HttpRequest, draft: Draft | None, step: Step, context: Mapping[str, Any], *, wrong: bool = False
) -> HttpResponse:
    """A step's page; 422 when `wrong`, with everything that was typed still in it."""
    values = context.get("values") or (draft.values if draft else {})
    frame = {
        "draft": draft,
        "step": step,
        "line": steps.line(draft, step),
        "back": steps.url(draft, steps.before(step)),
        "summary": summary(values, person(request)),
        "values": values,
    }
    return render(request, f"wizard/{step}.html", {**frame, **context}, status=422 if wrong else 200)


def at_fields(problems: Sequence[Problem]) -> dict[str, list[str]]:
    """Field -> sentences. What is about the whole stands under the empty name."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.field, []).append(problem.message)
    return found


def beginning(request: HttpRequest) -> dict[str, Any]:
    """What a new run starts with: an earlier run's settings (?from=), or a model (?model=)."""
    values: dict[str, Any] = {"task_type": TaskType.CHAT_COMPLETION.value}
    if name := request.GET.get("from", ""):
        values |= drafts.values_of(lifecycle.find(by=person(request), name=name))
    if model := request.GET.get("model", ""):
        values["model"] = model
    ready = [offer.model.name for offer in on_offer(person(request)) if offer.selectable]
    return values if "model" in values or len(ready) != 1 else {**values, "model": ready[0]}  # nothing to choose from


def model_context(
    request: HttpRequest, values: Mapping[str, Any], accept: set[str], problems: Sequence[Problem] = ()
) -> dict[str, Any]:
    """Models on offer that match the search; the chosen one stays in sight whatever is searched for."""
    user, words = person(request), request.GET.get("q", "")
    every = on_offer(user)
    chosen = values.get("model", "")
    found = [offer for offer in every if offer.matches(words) or offer.model.name == chosen]
    return {
        "tasks": list(TASKS.values()),
        "here": [offer for offer in found if offer.weights_here],
        "absent": [offer for offer in found if not offer.weights_here],
        "count": len(every),
        "retired": offers(BaseModel.objects.retired().permitted_to(user).select_related("licence", "replacement"), user),
        "chosen": one(chosen, user),
        "unfinished": Draft.objects.unfinished(user)[:5],
        "values": values,
        "accept": accept,
        "q": words,
        "errors": at_fields(problems),
    }


def data_context(request: HttpRequest, draft: Draft, forms: Mapping[str, Any], reports: Mapping[str, Any]) -> dict[str, Any]:
    """Both slots, training and evaluation data: what is chosen, what could be, what was refused."""
    user = person(request)
    known = DataSet.objects.visible_to(user).for_task(draft.values["task_type"]).select_related("owner")
    model = BaseModel.objects.filter(name=draft.values["model"]).first()
    length = drafts.context_length(draft)
    slots = []
    for field in DATA_FIELDS:
        chosen = known.filter(name=draft.values.get(field, "")).first()
        typed = "" if chosen else draft.values.get(field, "")
        slots.append(
            {
                "field": field,
                "setting": settings()[field],
                "form": forms[field],
                "chosen": inspect(chosen, model, length, _held_out(known, draft, field)) if chosen else None,
                "path": request.POST.get(f"{field}-path", typed),
                "dataset": request.POST.get(f"{field}-dataset", ""),
                "source": request.POST.get(f"{field}-source", "path" if typed else "upload"),
                "refused": reports.get(field),
                "takings": Taking.objects.filter(draft=draft, field=field, dataset=None),
                "mapping": f"{field}-mapping",
                "optional": field != "train_data_path",
            }
        )
    return {"slots": slots, "known": known[:200], "task": TASKS[draft.values["task_type"]], "model": model, "length": length}


def _held_out(known: QuerySet[DataSet], draft: Draft, field: str) -> DataSet | None:
    """The evaluation set that training data are compared with."""
    name = draft.values.get("eval_data_path", "") if field == "train_data_path" else ""
    return known.filter(name=name).first() if name else None


def inspection(draft: Draft, request: HttpRequest) -> Inspection | None:
    """The draft's training data with its model and beside its evaluation data, for advice."""
    known, name = DataSet.objects.visible_to(person(request)), draft.values.get("train_data_path", "")
    dataset = known.filter(name=name).first()
    model = BaseModel.objects.filter(name=draft.values.get("model", "")).first()
    evaluation = _held_out(known, draft, "train_data_path")
    return inspect(dataset, model, drafts.context_length(draft), evaluation, rows=0) if dataset else None


def run_url(run: Run) -> str:
    return reverse("run", args=[run.name])
