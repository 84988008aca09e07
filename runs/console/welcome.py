"""Invitations: made with a link that is mailed and shown once, and withdrawn."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from runs.console.asking import asks
from runs.console.table import Table, by
from runs.models import Role
from runs.models.login import Invitation
from runs.services import invitations
from runs.services.refused import Invalid


class InvitationForm(forms.ModelForm[Invitation]):
    role = forms.ChoiceField(choices=[choice for choice in Role.choices if choice[0] != Role.SERVICE], initial=Role.SCIENTIST)

    class Meta:
        model = Invitation
        fields = ("email", "role", "team")


class InvitationAdmin(Table[Invitation]):
    form = InvitationForm
    list_display = ("email", "role", "team", "made_by", "made_at", "expires_at", "accepted_by", "withdrawn_at")
    list_select_related = ("team", "made_by", "accepted_by")
    search_fields = ("email",)
    actions = ("withdraw",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        given = form.cleaned_data
        try:
            made, link = invitations.invite(
                by=by(request), email=given["email"], role=Role(given["role"]), team=given["team"],
                link=lambda token: request.build_absolute_uri(reverse("invited", args=[token])),
            )  # fmt: skip
        except Invalid as refused:
            messages.error(request, refused.message)
            return
        obj.pk = made.pk
        messages.success(request, f"Mailed to {made.email}. The link, shown this once: {link}")

    @admin.action(description="Withdraw…")
    @asks("Withdraw", "Their links stop working at once.")
    def withdraw(self, request: HttpRequest, rows: QuerySet[Invitation]) -> None:
        for invitation in rows:
            invitations.withdraw(invitation=invitation, by=by(request))
        messages.success(request, "Withdrawn. The links do not hold any more.")
