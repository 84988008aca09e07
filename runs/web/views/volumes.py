"""Volumes, folder by folder: look for data, and take a file or folder as a data set or into a draft. Works without scripts."""

import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from pydantic import BaseModel as Document

from runs.contract.spec import TaskType
from runs.data.sources.places import PARTS
from runs.services import datasets, drafts, volumes
from runs.services.refused import Invalid
from runs.web.door import page, person
from runs.web.inspection import said
from runs.web.steps import Step
from runs.web.tasks import TASKS
from runs.web.views.wizard import SESSION_REPORT

DBFS = "dbfs:/Volumes"


@page
def browse(request: HttpRequest) -> HttpResponseBase:
    """`?path=main/default` is looked at; `?draft=` and `?field=` say for which slot of the wizard. POST takes a path in."""
    refused: Invalid | None = None
    if request.method == "POST":
        try:
            dataset = datasets.resolve(
                by=person(request),
                reference=request.POST.get("path", "").replace("\x00", ""),
                task=TaskType(request.POST.get("task_type", "") or TaskType.CHAT_COMPLETION),
                field="path",
                mapping=request.POST.get("mapping", "")[:50],
            )
        except Invalid as error:
            refused = error
        except ValueError:
            refused = Invalid("Choose one of the tasks.", field="task_type")
        else:
            messages.success(request, f"{dataset.name} is here: {dataset.rows:,} rows.")
            return redirect("dataset", dataset.name)
    return render(request, "data/volumes.html", _context(request, refused), status=422 if refused else 200)


def _context(request: HttpRequest, refused: Invalid | None) -> dict[str, Any]:
    report = getattr(refused, "report", None)
    if isinstance(report, Document):
        request.session[SESSION_REPORT] = report.model_dump(mode="json")
    parts = tuple(part for part in request.GET.get("path", "").replace("\x00", "").split("/") if part)
    try:
        entries, trouble = volumes.browse(parts), ""
    except Invalid as error:
        entries, trouble = [], error.message
    return {
        "entries": [(entry, "/".join(entry.parts), "/".join((DBFS, *entry.parts))) for entry in entries],
        "folder": "/".join((DBFS, *parts)) if len(parts) >= PARTS else "",
        "crumbs": [(part, "/".join(parts[: index + 1])) for index, part in enumerate(parts)],
        "trouble": trouble,
        "refused": said(refused) if refused else "",
        "report": report,
        "wanted": request.POST.get("path", ""),
        "task": request.POST.get("task_type", TaskType.CHAT_COMPLETION),
        "tasks": list(TASKS.values()),
        **_slot(request),
    }


def _slot(request: HttpRequest) -> dict[str, str]:
    """Where the choice goes: to a slot of the wizard, or here."""
    key, field = request.GET.get("draft", "")[:64], request.GET.get("field", "")
    if re.fullmatch(r"[-\w]+", key, re.ASCII) and field in drafts.DATA_FIELDS:
        return {"action": reverse("draft", args=[key, Step.DATA]), "name": f"{field}-path", "draft": key, "field": field}
    return {"action": request.get_full_path(), "name": "path", "draft": "", "field": ""}
