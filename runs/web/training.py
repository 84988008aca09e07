"""The step Training: the form with the chosen model's defaults and where they come from, and advice for the chosen data."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from runs.contract.spec import DEFAULT_CONTEXT_LENGTH, Hyperparameters, TaskType
from runs.data.advice import advice as advise
from runs.data.advice import epochs
from runs.models import BaseModel, Draft
from runs.services import drafts
from runs.services.checks import find_model
from runs.services.refused import Refused
from runs.services.specification import LORA_RATE, resolved
from runs.web import wizard
from runs.web.advice import Counsel, on_duration
from runs.web.fields import as_text, settings, training_settings
from runs.web.forms import SettingsForm
from runs.web.inspection import Inspection


def training_form(draft: Draft, data: Any) -> SettingsForm:
    model = find_model(draft.values["model"])
    # A value that is left as it was shown is not a choice, whatever method is chosen in the same moment.
    return SettingsForm(training_settings(), defaults=defaults(model, draft.values), values=draft.values, data=data)


def defaults(model: BaseModel, chosen: Mapping[str, Any]) -> dict[str, str]:
    """Setting -> text that counts when nothing is typed: the model's own where it has one, for method and optimizer."""
    known = {name: chosen[name] for name in ("method", "optimizer") if chosen.get(name) in settings()[name].choices}
    filled = resolved(drafts.request_so_far({"model": model.name, **known}), model).model_dump(mode="json")
    return {setting.name: as_text(filled.get(setting.name, setting.default)) for setting in training_settings()}


def reasons(model: BaseModel) -> dict[str, str]:
    """Setting -> why its default is what it is."""
    found = {name: f"Default for {model.display_name}." for name in model.defaults if name in Hyperparameters.model_fields}
    rate = found.get("learning_rate", "General default for training every parameter with AdamW.")
    found["learning_rate"] = (
        f"{rate} Left at its default it is {LORA_RATE} times that for LoRA and QLoRA, and a third with Lion."
    )
    if "context_length" not in found:
        most = f"The model reads up to {model.max_context_length:,} tokens"
        longer = model.max_context_length > DEFAULT_CONTEXT_LENGTH
        found["context_length"] = f"{most}; a shorter context saves memory." if longer else f"{most}, its maximum."
    found.setdefault("training_duration", "One pass over the data is a good first try.")
    return found


def training_context(request: HttpRequest, draft: Draft, form: SettingsForm) -> dict[str, Any]:
    model = find_model(draft.values["model"])
    why, known = reasons(model), defaults(model, draft.values)
    rows = [
        {"field": form[setting.name], "setting": setting, "why": why.get(setting.name, ""), "default": known[setting.name]}
        for setting in training_settings()
    ]
    return {
        "form": form,
        "plain": [row for row in rows if not row["setting"].advanced],  # type: ignore[attr-defined]
        "advanced": [row for row in rows if row["setting"].advanced],  # type: ignore[attr-defined]
        "differing": [s.title for s in training_settings() if s.advanced and s.name in draft.values],
        "unfold": any(setting.advanced and setting.name in form.errors for setting in training_settings()),
        "advice": _advice(draft.values, wizard.inspection(draft, request), model),
    }


def _advice(values: Mapping[str, Any], found: Inspection | None, model: BaseModel) -> list[Counsel]:
    """What the original service's documentation would say about these data and this duration."""
    if found is None or found.profile is None:
        return []
    profile = found.profile
    known = advise(profile, TaskType(values["task_type"]), model.max_context_length)
    given = [Counsel(False, f"{one.message} {one.remedy}") for one in known]
    try:
        asked = drafts.request_so_far(values)
    except Refused:
        return given
    batch_size = resolved(asked, model).batch_size
    seen = epochs(asked.training_duration, tokens=profile.tokens, rows=profile.rows, batch_size=batch_size)
    return [on_duration(seen), *given]
