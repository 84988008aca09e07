"""Where things are in the console: the second list of the rail."""

from dataclasses import dataclass

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from runs.models import (
    ApiToken,
    AuditEntry,
    BaseModel,
    DataSet,
    Delivery,
    Licence,
    LicenceAcceptance,
    ModelVersion,
    Quota,
    Run,
    Secret,
    Team,
    User,
    Webhook,
)
from runs.models.login import Invitation

PLACES: dict[str, dict[str, type[Model]]] = {
    "On offer": {"Base models": BaseModel, "Licences": Licence, "Acceptances": LicenceAcceptance},
    "At work": {"All runs": Run, "Data sets": DataSet, "Registered versions": ModelVersion},
    "Who": {"People": User, "Teams": Team, "Invitations": Invitation, "Tokens": ApiToken, "Quotas": Quota},
    "This installation": {"Audit log": AuditEntry, "Secrets": Secret, "Webhooks": Webhook, "Deliveries": Delivery},
}


@dataclass(frozen=True, slots=True)
class Spot:
    label: str
    href: str
    current: bool


def places(request: HttpRequest) -> list[tuple[str, list[Spot]]]:
    return [(group, [_spot(label, model, request) for label, model in inside.items()]) for group, inside in PLACES.items()]


def _spot(label: str, model: type[Model], request: HttpRequest) -> Spot:
    href = list_of(model)
    return Spot(label, href, request.path.startswith(href))


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
