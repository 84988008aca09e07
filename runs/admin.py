"""Which tables the admin console has."""

from django.contrib import admin
from django.contrib.auth.models import Group

from runs.console import accounts, hooks, keys, limits, offers, records, trail, welcome
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

admin.site.unregister(Group)  # roles and teams do its work here

admin.site.register(BaseModel, offers.BaseModelAdmin)
admin.site.register(Licence, offers.LicenceAdmin)
admin.site.register(LicenceAcceptance, records.AcceptanceAdmin)
admin.site.register(User, accounts.UserAdmin)
admin.site.register(Team, accounts.TeamAdmin)
admin.site.register(ApiToken, accounts.TokenAdmin)
admin.site.register(Invitation, welcome.InvitationAdmin)
admin.site.register(Quota, limits.QuotaAdmin)
admin.site.register(Secret, keys.SecretAdmin)
admin.site.register(Run, records.RunAdmin)
admin.site.register(DataSet, records.DataSetAdmin)
admin.site.register(ModelVersion, records.ModelVersionAdmin)
admin.site.register(Webhook, hooks.WebhookAdmin)
admin.site.register(Delivery, hooks.DeliveryAdmin)
admin.site.register(AuditEntry, trail.AuditAdmin)
