"""The wizard: four steps, each its own page and each checked here, kept in a draft until Start makes one run of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from pydantic import BaseModel as Document

from runs.models import Draft, User
from runs.services import drafts
from runs.services.refused import Invalid, Problem, StillChecking
from runs.web import steps, wizard
from runs.web.door import page, person
from runs.web.fields import settings
from runs.web.forms import DataForm, SettingsForm, focus_first_error
from runs.web.inspection import said
from runs.web.review import review_context
from runs.web.steps import Step
from runs.web.training import training_context, training_form

SESSION_REPORT = "refused-report"  # of the last file that was refused, for its download


@page
def new(request: HttpRequest) -> HttpResponseBase:
    """The first step, without a draft: looking at it writes nothing."""
    return _model(request, None, wizard.beginning(request))


@page
def step(request: HttpRequest, key: str, step: str) -> HttpResponseBase:
    draft, wanted = drafts.find(by=person(request), key=key), Step(step)
    if draft.run is not None:
        if request.method != "POST":
            messages.info(request, "This is the run that the draft became. “Clone” starts another like it.")
        return redirect(wizard.run_url(draft.run))
    if steps.ORDER.index(wanted) > steps.ORDER.index(steps.reached(draft)):
        return redirect(steps.url(draft, steps.reached(draft)))
    if wanted in (Step.DATA, Step.TRAINING) and not drafts.may_go_on(draft=draft, by=person(request)):
        return redirect(steps.url(draft, Step.MODEL))
    return STEPS[wanted](request, draft)


def model(request: HttpRequest, draft: Draft) -> HttpResponse:
    return _model(request, draft, dict(draft.values))


def _model(request: HttpRequest, draft: Draft | None, values: dict[str, Any]) -> HttpResponse:
    """Model and task. `values` are what the draft has, or what a new one begins with."""
    accept, problems = set(request.POST.getlist("accept")), list[Problem]()
    if request.method == "POST":
        values |= {name: request.POST.get(name, "") for name in ("model", "task_type")}
        if instead := request.POST.get("switch"):
            values["model"] = instead
        else:
            try:
                draft = drafts.choose_model(by=person(request), draft=draft, values=values, accept=accept)
            except Invalid as refused:
                problems = refused.problems
            else:
                return redirect(steps.url(draft, Step.DATA))
    context = wizard.model_context(request, values, accept, problems)
    return wizard.show(request, draft, Step.MODEL, context, wrong=bool(problems))


def data(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Training and evaluation data. What is new is shown as the model will see it before the wizard goes on."""
    forms = {
        field: DataForm(request.POST or None, request.FILES or None, prefix=field, use_required_attribute=False)
        for field in drafts.DATA_FIELDS
    }
    reports: dict[str, Any] = {}
    for problem in drafts.collect(draft=draft, by=person(request)):
        messages.error(request, problem.message)
    if request.method == "POST":
        if field := request.POST.get("drop"):
            drafts.keep(draft=draft, by=person(request), values={field: None} if field in forms else {})
            return redirect(steps.url(draft, Step.DATA))
        taken = [_take(request, draft, field, form, reports) for field, form in forms.items()]
        if request.POST.get("go") == "back":
            return redirect(steps.url(draft, Step.MODEL))
        if not any(form.errors for form in forms.values()):
            if not any(taken) and draft.values.get("train_data_path"):
                return redirect(steps.url(draft, Step.TRAINING))
            if any(taken):
                return redirect(steps.url(draft, Step.DATA))
            forms["train_data_path"].add_error(None, "Choose the rows to train on: a file, a data set or a path.")
    context = wizard.data_context(request, draft, forms, reports)
    return wizard.show(request, draft, Step.DATA, context, wrong=request.method == "POST")


def _take(request: HttpRequest, draft: Draft, field: str, form: DataForm, reports: dict[str, Any]) -> bool:
    """Take one slot's rows in; True when they are new. What is wrong goes to the form, a refused file's report to `reports`."""
    if not form.is_valid() or not (form.upload or form.reference):
        return False
    try:
        drafts.choose_data(
            draft=draft,
            by=person(request),
            field=field,
            upload=form.upload,
            reference=form.reference,
            mapping=form.cleaned_data["mapping"],
        )
    except StillChecking:
        return True  # the page says how far it is
    except Invalid as refused:
        form.add_error(None, said(refused))
        report = getattr(refused, "report", None)
        if isinstance(report, Document):
            reports[field] = report
            request.session[SESSION_REPORT] = report.model_dump(mode="json")
        return False
    return True


def training(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Duration, learning rate and whatever else the contract lets a person set."""
    form = training_form(draft, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        valid = form.is_valid()
        drafts.keep(draft=draft, by=person(request), values=form.typed)
        if request.POST.get("go") == "back":
            return redirect(steps.url(draft, Step.DATA))
        if valid:
            form.refuse(drafts.problems(draft=draft, by=person(request)))
        if not form.errors:
            return redirect(steps.url(draft, Step.REVIEW))
        focus_first_error(form)
    return wizard.show(request, draft, Step.TRAINING, training_context(request, draft, form), wrong=bool(form.errors))


def _start(draft: Draft, by: User) -> str:
    return wizard.run_url(drafts.start(draft=draft, by=by))


def _probe(draft: Draft, by: User) -> str:
    drafts.probe(draft=draft, by=by)
    return f"{steps.url(draft, Step.REVIEW)}#takes"


WISHES: dict[str, Callable[[Draft, User], str]] = {"start": _start, "probe": _probe}


def review(request: HttpRequest, draft: Draft) -> HttpResponseBase:
    """Where to register, what it will take, the same run as code; Start."""
    wanted = [settings()[name] for name in ("register_to", "experiment_path")]
    form = SettingsForm(wanted, defaults={"register_to": drafts.REGISTER_TO}, values=draft.values, data=request.POST or None)
    problems: list[Problem] = []
    if request.method == "POST":
        valid = form.is_valid()
        drafts.keep(draft=draft, by=person(request), values=form.typed)
        if request.POST.get("go") == "back":
            return redirect(steps.url(draft, Step.TRAINING))
        if request.POST.get("go") == "fit":
            drafts.make_fit(draft=draft, by=person(request))
            return redirect(steps.url(draft, Step.REVIEW))
        if request.POST.get("go") == "ease":
            if not drafts.ease(draft=draft, by=person(request)):
                messages.error(request, "No setting needs noticeably less memory. Choose a smaller model.")
            return redirect(steps.url(draft, Step.REVIEW))
        if valid and (wish := request.POST.get("go")) in WISHES:
            try:
                return redirect(WISHES[wish](draft, person(request)))
            except Invalid as refused:
                problems = refused.problems
                form.refuse(problems)
        focus_first_error(form)
    context = review_context(request, draft, form, problems)
    return wizard.show(request, draft, Step.REVIEW, context, wrong=bool(form.errors or problems))


STEPS: dict[Step, Callable[[HttpRequest, Draft], HttpResponseBase]] = {
    Step.MODEL: model,
    Step.DATA: data,
    Step.TRAINING: training,
    Step.REVIEW: review,
}
