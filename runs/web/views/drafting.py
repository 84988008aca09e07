"""What belongs to a draft beside its steps: the summary while somebody types, and throwing it away."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs.services import drafts
from runs.web.door import page, person
from runs.web.fields import settings
from runs.web.forms import SettingsForm
from runs.web.summary import summary


@page
@require_POST
def summarise(request: HttpRequest) -> HttpResponseBase:
    """The box “This run” for what is in the form now, over the draft that it names, if any. Keeps nothing."""
    key = request.POST.get("draft", "")
    kept = drafts.find(by=person(request), key=key).values if key else {}
    form = SettingsForm(
        [s for name, s in settings().items() if name in request.POST], defaults={}, values={}, data=request.POST
    )
    form.is_valid()
    values = {name: value for name, value in {**kept, **form.typed}.items() if value is not None}
    return render(request, "wizard/_summary.html", {"summary": summary(values, person(request))})


@page
def takes(request: HttpRequest, key: str) -> HttpResponseBase:
    """What the run takes as a fragment, for a page that waits for a probe."""
    draft = drafts.find(by=person(request), key=key)
    return render(request, "wizard/_takes.html", {"draft": draft, "summary": summary(draft.values, person(request))})


@page
@require_POST
def discard(request: HttpRequest, key: str) -> HttpResponseBase:
    drafts.discard(draft=drafts.find(by=person(request), key=key), by=person(request))
    return redirect("run-new")
