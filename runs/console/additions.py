"""Add a base model: say where it is, see what its own files say, and only then put it into the catalog."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from runs.console.forms import TASKS
from runs.console.table import by
from runs.models import BaseModel, Licence, Role, Team
from runs.services import adding
from runs.services.refused import Refused


class WhereForm(forms.Form):
    hub_id = forms.CharField(
        max_length=200, required=False, label="Hugging Face id", help_text="As in HuggingFaceTB/SmolLM2-135M-Instruct"
    )
    revision = forms.CharField(
        max_length=64, required=False, help_text="Commit, tag or branch; empty: the newest. It is pinned to its commit."
    )
    folder = forms.CharField(
        max_length=1_000,
        required=False,
        label="Or a folder",
        help_text="Of this machine, or of a volume: /Volumes/main/models/…",
    )
    licence = forms.ModelChoiceField(
        Licence.objects.all(), to_field_name="key", empty_label="Choose", help_text="Read it first."
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        hub, folder = given.get("hub_id", ""), given.get("folder", "")
        if bool(hub) == bool(folder):
            self.add_error("hub_id", "Name an id or a folder, one of the two.")
        elif folder and not folder.startswith("/"):
            self.add_error("folder", "Write the whole path, from / on.")
        return given


class SaidForm(forms.Form):
    """What was read, to be put right by hand."""

    name = forms.RegexField(
        r"\A[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?\Z",
        max_length=200,
        help_text="As people will ask for it.",
        error_messages={"invalid": "Write <organisation>/<model> with letters, digits, . _ and -, as in acme/small-1."},
    )
    display_name = forms.CharField(max_length=200)
    family = forms.CharField(max_length=100)
    task_types = forms.MultipleChoiceField(choices=TASKS, widget=forms.CheckboxSelectMultiple, label="Tasks")
    roles = forms.MultipleChoiceField(
        choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple, help_text="Who may use it; none: every role."
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.all(), to_field_name="name", required=False, help_text="Who may use it; none: every team."
    )


def add(request: HttpRequest) -> HttpResponse:
    """The first form reads, the second adds; both stay on the page, so that nothing typed is lost."""
    where = WhereForm(request.POST or None)
    said = SaidForm(request.POST) if request.POST.get("do") == "add" else None
    model = None
    if where.is_valid():
        try:
            if said is not None and said.is_valid():
                return _added(request, adding.add(wish=_wish(where, said), by=by(request)))
            model = adding.read(wish=_wish(where), by=by(request))
            said = said or SaidForm(initial=_initial(model))
        except Refused as refused:
            _show(refused, where, said)
    context = {"title": "Add base model", "opts": BaseModel._meta, "where": where, "said": said, "model": model}
    status = 422 if where.errors or (said is not None and said.errors) else 200
    page = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, "admin/console/addition.html", page, status=status)


def _wish(where: WhereForm, said: SaidForm | None = None) -> adding.Wish:
    place = where.cleaned_data
    short = (place["hub_id"] or place["folder"].rstrip("/").rpartition("/")[2])[:200]
    more: dict[str, Any] = {"name": short}
    if said is not None:
        given = said.cleaned_data
        more = {**given, "task_types": tuple(given["task_types"]), "roles": tuple(given["roles"])}
        more["teams"] = tuple(team.name for team in given["teams"])
    at = {key: place[key] for key in ("hub_id", "revision", "folder")}
    return adding.Wish(licence=place["licence"].key, **at, **more)


def _initial(model: BaseModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in ("name", "display_name", "family", "task_types")}


def _added(request: HttpRequest, model: BaseModel) -> HttpResponse:
    offered = "It is on offer." if model.enabled else "It is switched off until its weights are fetched."
    messages.success(request, f"{model.name} is in the catalog. {offered}")
    return redirect("admin:runs_basemodel_change", model.pk)


def _show(refused: Refused, where: WhereForm, said: SaidForm | None) -> None:
    for problem in refused.problems:
        if said is not None and problem.field in said.fields:
            said.add_error(problem.field, problem.message)
        else:
            where.add_error(problem.field if problem.field in where.fields else None, problem.message)
