"""The step Review: everything that will be trained, what it takes, what still stands in the way, and the same run as code."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from runs.data.findings import Finding
from runs.models import BaseModel, Draft
from runs.services import drafts
from runs.services.checks import find_model
from runs.services.refused import Problem, Refused
from runs.services.specification import resolved
from runs.web import snippets, steps, wizard
from runs.web.door import person
from runs.web.fields import as_text, settings
from runs.web.forms import SettingsForm

GRAPHQL = "/api/2.0/genai-mapi/graphql"  # where the original service's client looks


def review_context(request: HttpRequest, draft: Draft, form: SettingsForm, problems: Sequence[Problem]) -> dict[str, Any]:
    """`problems` are what Start was refused for; without them the draft is checked now, so that nobody clicks in vain."""
    problems = list(problems) or drafts.problems(draft=draft, by=person(request))
    return {
        "form": form,
        "register": form["register_to"],
        "experiment": form["experiment_path"],
        "elsewhere": [_elsewhere(draft, problem) for problem in problems if problem.field not in form.fields],
        "doubts": _doubts(request, draft),
        "data": steps.url(draft, steps.Step.DATA),
        "asked": _asked(draft),
        "naming": _naming(draft),
        "snippets": _snippets(request, draft),
    }


def _elsewhere(draft: Draft, problem: Problem) -> dict[str, Any]:
    """A problem that another step can mend, with the way there; with one click where we know what would do."""
    step = steps.home(problem.field)
    return {
        "message": problem.message,
        "title": settings()[problem.field].title if problem.field in settings() else "",
        "step": steps.TITLES[step],
        "url": steps.url(draft, step),
        "suggestion": problem.facts.get("suggestion"),
    }


def _doubts(request: HttpRequest, draft: Draft) -> list[Finding]:
    """What was found in the data that makes a run worse and keeps none from starting."""
    try:
        found = wizard.inspection(draft, request)
    except Refused:
        return []  # the model was retired, say: that stands above
    return [one for one in found.assessment.findings if one.grade == "warning"] if found else []


def _asked(draft: Draft) -> list[tuple[str, str]]:
    """Every setting that differs from its default, in the contract's words."""
    shown = [
        (setting.title, draft.values[name] if isinstance(draft.values[name], list) else as_text(draft.values[name]))
        for name, setting in settings().items()
        if name in draft.values and steps.home(name) == steps.Step.TRAINING
    ]
    told = [(title, f"{len(value)} given" if isinstance(value, list) else value) for title, value in shown]
    return told if "learning_rate" in draft.values else [*told, *_learning_rate(draft)]


def _learning_rate(draft: Draft) -> list[tuple[str, str]]:
    """It depends on model, method and optimizer, so it is said even where nobody chose it."""
    try:
        asked = drafts.request(draft)
        found = resolved(asked, find_model(asked.model))
    except Refused:
        return []
    what = found.method + (f" with {found.optimizer}" if found.optimizer != "adamw" else "")
    return [("Learning rate", f"{as_text(found.learning_rate)}, the default for {what}")]


def _naming(draft: Draft) -> dict[str, str] | None:
    """The licence's rule for names of derived models, when the name that is going to be registered breaks it."""
    model = BaseModel.objects.select_related("licence").filter(name=draft.values.get("model", "")).first()
    prefix = model.licence.name_prefix if model else ""
    parts = str(draft.values.get("register_to") or drafts.REGISTER_TO).split(".", 2)
    if model is None or not prefix or (len(parts) == 3 and parts[2].startswith(prefix)):
        return None
    stem = parts[2] if len(parts) == 3 else str(draft.values.get("train_data_path", "model")).rsplit("/", 1)[-1].split(".")[0]
    suggestion = ".".join([*parts[:2], f"{prefix}-{stem}"])
    return {
        "prefix": prefix,
        "licence": model.licence.name,
        "suggestion": suggestion,
        "named": "yes" if len(parts) == 3 else "",
    }


def _snippets(request: HttpRequest, draft: Draft) -> list[dict[str, str]]:
    """The run as code for every door that this installation has."""
    try:
        asked = _ordered(drafts.request(draft).model_dump(mode="json", exclude_unset=True))
    except Refused:
        return []
    host = request.build_absolute_uri("/").rstrip("/")
    found = [
        {"key": "python", "title": "Python", "text": snippets.python(host, asked)},
        {"key": "ftui", "title": "ftui", "text": snippets.ftui(host, asked)},
        {"key": "curl", "title": "curl", "text": snippets.curl(host, asked)},
    ]
    if "/" not in asked["train_data_path"] and asked.get("task_type") != "CONTINUED_PRETRAIN":
        found.append({"key": "openai", "title": "OpenAI client", "text": snippets.openai(host, asked)})
    try:
        resolve(GRAPHQL)
    except Resolver404:
        return found
    return [*found, {"key": "databricks", "title": "Databricks client", "text": snippets.databricks(host, asked)}]


def _ordered(asked: dict[str, Any]) -> dict[str, Any]:
    """What a run is about comes before how it is trained."""
    first = [name for name in ("model", "train_data_path", "register_to", "task_type") if name in asked]
    return {name: asked[name] for name in [*first, *(name for name in asked if name not in first)]}
