"""Data sets: the list, an upload, one data set as a model sees it, its rows and its report as files."""

import json
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from pydantic import BaseModel as Document

from runs.contract.spec import TaskType
from runs.models import DataSet, Run, Taking, User
from runs.services import datasets, remedying, sharing
from runs.services.outputs import rows_file
from runs.services.refused import Invalid
from runs.web import charts
from runs.web.door import page, person
from runs.web.forms import UploadForm, upload_of
from runs.web.inspection import inspect, said
from runs.web.lens import lens
from runs.web.paging import paged
from runs.web.tasks import TASKS
from runs.web.views.wizard import SESSION_REPORT


@page
def index(request: HttpRequest) -> HttpResponseBase:
    """All data sets this person may see; POST adds one."""
    form, report = UploadForm(request.POST or None, request.FILES or None, use_required_attribute=False), None
    if request.method == "POST" and form.is_valid():
        try:
            dataset = _added(person(request), form.cleaned_data)
        except Invalid as refused:
            report = getattr(refused, "report", None)
            request.session[SESSION_REPORT] = report.model_dump(mode="json") if isinstance(report, Document) else None
            form.add_error("file", said(refused))
        else:
            messages.success(request, f"{dataset.name} is here: {dataset.rows:,} rows.")
            return redirect("dataset", dataset.name)
    context = _listed(request) | {"form": form, "refused": report}
    return render(request, "data/index.html", context, status=422 if form.errors else 200)


def _added(user: User, fields: dict[str, Any]) -> DataSet:
    """The data set of what came with the form, or before it in parts."""
    upload = upload_of(fields)
    assert upload is not None  # the form asks for one
    return upload.keep(by=user, task=TaskType(fields["task_type"]), name=fields["name"])


def _listed(request: HttpRequest) -> dict[str, Any]:
    words, task = request.GET.get("q", ""), request.GET.get("task", "")
    rows = DataSet.objects.visible_to(person(request)).select_related("owner")
    found = rows.filter(name__icontains=words) if words else rows
    found = found.filter(task_type=task) if task in TASKS else found
    return {
        "page": paged(request, found),
        "q": words,
        "task": task,
        "tasks": list(TASKS.values()),
        "any": rows.exists(),
        "takings": Taking.objects.unfinished().filter(owner=person(request)),
    }


@page
def detail(request: HttpRequest, name: str) -> HttpResponseBase:
    """With ?model= the rows are shown as that model sees them; otherwise as the smallest one on offer here does."""
    user = person(request)
    dataset = datasets.find(by=user, name=name)
    seen = lens(request.GET, dataset, user)
    found = inspect(dataset, seen.model, seen.context_length, seen.evaluation)
    context = {
        "dataset": dataset,
        "task": TASKS[dataset.task_type],
        "found": found,
        "lens": seen,
        "figure": charts.lengths(found.profile) if found.profile and found.profile.histogram else None,
        "runs": _runs(request, dataset),
        "may_train": user.may_train,
        "may_delete": datasets.may_delete(dataset, user),
        "derived": DataSet.objects.visible_to(user).filter(derived_from=dataset),
        "versions": DataSet.objects.visible_to(user).versions_of(dataset),
        "making": remedying.under_way(dataset),
        "used": datasets.use_count(dataset),
        "may_share": sharing.may_share(dataset, user),
    }
    return render(request, "data/detail.html", context)


def _runs(request: HttpRequest, dataset: DataSet) -> QuerySet[Run]:
    """Runs that trained or were evaluated on it, the newest first, as far as this person may see them."""
    return datasets.runs_of(dataset).alive().visible_to(person(request)).select_related("owner", "base_model")


@page
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    dataset = datasets.find(by=person(request), name=name)
    rows = rows_file(dataset.digest).open("rb")
    return FileResponse(rows, as_attachment=True, filename=f"{dataset.name}.jsonl", content_type="application/jsonl")


@page
def report(request: HttpRequest, name: str) -> HttpResponseBase:
    return _as_file(f"{name}-report.json", datasets.find(by=person(request), name=name).report)


@page
def refused_report(request: HttpRequest) -> HttpResponseBase:
    """The report of the last file of this session that was refused."""
    return _as_file("report.json", request.session.get(SESSION_REPORT) or {})


def _as_file(filename: str, report: object) -> HttpResponse:
    answer = HttpResponse(json.dumps(report, indent=2, ensure_ascii=False), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


@page
def delete(request: HttpRequest, name: str) -> HttpResponseBase:
    """Asks first; the question is a page of its own where there is no script."""
    dataset = datasets.find(by=person(request), name=name)
    if request.method != "POST":
        context = {
            "dataset": dataset,
            "may_delete": datasets.may_delete(dataset, person(request)),
            "used": datasets.use_count(dataset),
        }
        return render(request, "data/delete.html", context)
    datasets.delete(dataset=dataset, by=person(request))
    messages.success(request, f"{dataset.name} is deleted.")
    return redirect("data")
