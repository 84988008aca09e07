"""Retire base models, one or a family at once, with what depends on them in sight; and undo it."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from runs.console.forms import RestoreForm, RetireForm
from runs.console.table import by
from runs.models import BaseModel
from runs.services import impacts, retirement
from runs.services.refused import Refused

LIST = "admin:runs_basemodel_changelist"


def _asked_for(request: HttpRequest) -> list[BaseModel]:
    """The models named by `?model=<key>` or `?family=<name>`, as often as wanted."""
    keys = [key for key in request.GET.getlist("model") if key.isascii() and key.isdigit() and len(key) < 19]
    families = [family for family in request.GET.getlist("family") if "\x00" not in family]
    rows = BaseModel.objects.filter(pk__in=keys) | BaseModel.objects.filter(family__in=families)
    return list(rows.order_by("name"))


def retire(request: HttpRequest) -> HttpResponse:
    """GET shows what depends on the models, with the form below; POST retires them."""
    models = _asked_for(request)
    if not models:
        messages.warning(request, "Choose the base models to retire first.")
        return redirect(LIST)
    form = RetireForm(request.POST or None, leaving=models, initial={"on": retirement.default_date()})
    if request.method == "POST" and form.is_valid() and _done(form, request, models):
        names = ", ".join(model.name for model in models)
        messages.success(request, f"Retired on {form.cleaned_data['on']:%d %b %Y}: {names}.")
        return redirect(LIST)
    title = f"Retire {models[0].display_name if len(models) == 1 else f'{len(models)} base models'}"
    found, zone = [(model, impacts.impact(model)) for model in models], timezone.get_default_timezone_name()
    return _page(request, "admin/console/retire.html", title=title, form=form, impacts=found, zone=zone)


def _done(form: RetireForm, request: HttpRequest, models: list[BaseModel]) -> bool:
    try:
        retirement.retire_all(models=models, by=by(request), **form.cleaned_data)
    except Refused as refused:
        _show(form, refused)
        return False
    return True


def restore(request: HttpRequest, key: int) -> HttpResponse:
    model = get_object_or_404(BaseModel, pk=key)
    form = RestoreForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            retirement.restore(model=model, by=by(request), reason=form.cleaned_data["reason"])
        except Refused as refused:
            _show(form, refused)
        else:
            messages.success(request, f"{model.name} is on offer again.")
            return redirect(LIST)
    return _page(
        request, "admin/console/restore.html", title=f"Undo the retirement of {model.display_name}", form=form, model=model
    )


def _show(form: forms.Form, refused: Refused) -> None:
    for problem in refused.problems:
        form.add_error(problem.field if problem.field in form.fields else None, problem.message)


def _page(request: HttpRequest, template: str, **context: object) -> HttpResponse:
    form = context["form"]
    status = 422 if isinstance(form, forms.Form) and form.errors else 200
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)
