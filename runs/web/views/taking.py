"""A large file that is being checked: how far it is, what came of it, stop it, or read it with the mapping it needs."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from runs.data.validation import Report
from runs.models import Taking
from runs.services import taking
from runs.web import steps
from runs.web.door import page, person
from runs.web.steps import Step


@page
def detail(request: HttpRequest, key: str) -> HttpResponseBase:
    """POST confirms the mapping that was proposed."""
    found = taking.find(by=person(request), key=key)
    if request.method == "POST" and taking.refused(by=person(request), key=key):
        taking.again(by=person(request), refused=found, mapping=request.POST.get("mapping", "")[:50])
    if found.dataset is not None:
        messages.success(request, f"{found.dataset.name} is here: {found.dataset.rows:,} rows.")
        return redirect(_home(found))
    report = Report.model_validate(found.report) if found.report else None
    back = steps.url(found.draft, Step.DATA) if found.draft else reverse("data")
    return render(request, "data/taking.html", {"taking": found, "report": report, "back": back})


@page
def state(request: HttpRequest, key: str) -> HttpResponseBase:
    """How far it is as a fragment. When it is over, its own page comes anew; on others somebody may be typing."""
    found, own = taking.find(by=person(request), key=key), reverse("taking", args=[key])
    if not found.is_under_way and request.headers.get("HX-Current-URL", "").endswith(own):
        answer = HttpResponse()
        answer.headers["HX-Redirect"] = own
        return answer
    return render(request, "data/_taking.html", {"taking": found})


@require_POST
@page
def cancel(request: HttpRequest, key: str) -> HttpResponseBase:
    found = taking.find(by=person(request), key=key)
    back = steps.url(found.draft, Step.DATA) if found.draft else reverse("data")
    taking.cancel(by=person(request), key=key)
    messages.info(request, f"{found.source} is not checked any further, and nothing of it is kept.")
    return redirect(back)


@page
def report(request: HttpRequest, key: str) -> HttpResponseBase:
    """The whole report of a refused file."""
    found = taking.find(by=person(request), key=key)
    answer = HttpResponse(Report.model_validate(found.report).model_dump_json(indent=2) if found.report else "{}")
    answer.headers["Content-Type"] = "application/json"
    answer.headers["Content-Disposition"] = 'attachment; filename="report.json"'
    return answer


def _home(found: Taking) -> str:
    assert found.dataset is not None
    return steps.url(found.draft, Step.DATA) if found.draft else reverse("dataset", args=[found.dataset.name])
