"""Bring the catalog that ships with the product into the database, without overwriting what an admin changed."""

from typing import Any

from django.db import transaction

from runs.catalog.entries import LicenceEntry, ModelEntry, load_licences, load_models
from runs.models import BaseModel, Licence
from runs.services.audit import record


@transaction.atomic
def load() -> int:
    """Add new entries and update untouched ones; return how many rows were written."""
    licences = {entry.key: _licence(entry) for entry in load_licences()}
    entries = load_models()
    written = sum(_model(entry, licences[entry.licence]) for entry in entries)
    models = {model.name: model for model in BaseModel.objects.all()}
    for entry in entries:  # second round: a replacement may come after the model that it replaces
        retirement, model = entry.retirement, models[entry.name]
        if retirement and retirement.replacement and model.retires_on == retirement.date and model.replacement is None:
            model.replacement = models.get(retirement.replacement)
            model.save(update_fields=["replacement"])
    if written:
        record("catalog.load", "base models", by=None, written=written)
    return written


def _licence(entry: LicenceEntry) -> Licence:
    """The licence's row: new, or brought up to date unless an admin has changed it."""
    shipped = entry.model_dump(mode="json")
    licence, new = Licence.objects.get_or_create(key=entry.key, defaults={**_terms(entry), "shipped": shipped})
    before = LicenceEntry.model_validate(licence.shipped) if licence.shipped else None
    if new or before == entry:
        return licence
    if before is None or all(getattr(licence, key) == value for key, value in _terms(before).items()):
        for key, value in {**_terms(entry), "shipped": shipped}.items():
            if before is not None or not getattr(licence, key):  # from before what was shipped was kept: only what is empty
                setattr(licence, key, value)
        licence.save()
    return licence


def _terms(entry: LicenceEntry) -> dict[str, Any]:
    return {**entry.model_dump(exclude={"key", "obligations"}), "obligations": list(entry.obligations)}


def _fields(entry: ModelEntry, licence: Licence) -> dict[str, Any]:
    retirement = entry.retirement
    return {
        "display_name": entry.display_name,
        "family": entry.family,
        "parameters": entry.parameters,
        "max_context_length": entry.max_context_length,
        "task_types": [task.value for task in entry.tasks],
        "licence_id": licence.pk,
        "architecture": entry.architecture.model_dump(mode="json"),
        "defaults": dict(entry.defaults),
        "retires_on": retirement.date if retirement else None,
        "retirement_reason": retirement.reason if retirement else "",
    }


def _model(entry: ModelEntry, licence: Licence) -> bool:
    """Write an entry's row unless it is up to date or an admin has changed it; True when written."""
    fields = _fields(entry, licence)
    shipped = entry.model_dump(mode="json")
    model, new = BaseModel.objects.get_or_create(name=entry.name, defaults={**fields, "shipped": shipped})
    if new or model.shipped == shipped:
        return new
    before = _fields(ModelEntry.model_validate(model.shipped), licence)
    if any(getattr(model, key) != value for key, value in before.items()):
        return False  # somebody's own settings win over news from the product
    for key, value in {**fields, "shipped": shipped}.items():
        setattr(model, key, value)
    model.save()
    return True
