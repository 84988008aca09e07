"""Which tables the admin console has, in the order and under the names of its rail."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model

from runs.console import accounts, hooks, keys, limits, offers, records, tokens, trail, welcome
from runs.console.table import Table
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

PLACES: dict[str, dict[str, tuple[type[Model], type[Table[Any]]]]] = {
    "On offer": {
        "Base models": (BaseModel, offers.BaseModelAdmin),
        "Licences": (Licence, offers.LicenceAdmin),
        "Acceptances": (LicenceAcceptance, records.AcceptanceAdmin),
    },
    "At work": {
        "All runs": (Run, records.RunAdmin),
        "Data sets": (DataSet, records.DataSetAdmin),
        "Registered versions": (ModelVersion, records.ModelVersionAdmin),
    },
    "Who": {
        "People": (User, accounts.UserAdmin),
        "Teams": (Team, accounts.TeamAdmin),
        "Invitations": (Invitation, welcome.InvitationAdmin),
        "Tokens": (ApiToken, tokens.TokenAdmin),
        "Quotas": (Quota, limits.QuotaAdmin),
    },
    "This installation": {
        "Audit log": (AuditEntry, trail.AuditAdmin),
        "Secrets": (Secret, keys.SecretAdmin),
        "Webhooks": (Webhook, hooks.WebhookAdmin),
        "Deliveries": (Delivery, hooks.DeliveryAdmin),
    },
}

admin.site.unregister(Group)  # roles and teams do its work here

for group, tables in PLACES.items():
    for label, (model, table) in tables.items():
        admin.site.register(model, table, group=group, label=label)
