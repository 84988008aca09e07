"""Invitations: made with a link that is mailed and shown once, and withdrawn."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from runs.console.asking import asks
from runs.console.table import Table, by
from runs.models import Role
from runs.models.login import Invitation
from runs.services import invitations
from runs.services.refused import Invalid
from runs.templatetags.marks import mark


class InvitationForm(forms.ModelForm[Invitation]):
    role = forms.ChoiceField(choices=[choice for choice in Role.choices if choice[0] != Role.SERVICE], initial=Role.SCIENTIST)

    class Meta:
        model = Invitation
        fields = ("email", "role", "team")


class InvitationAdmin(Table[Invitation]):
    form = InvitationForm
    list_display = ("email", "state", "role", "team", "accepted_by", "expires_at", "made_by", "made_at")
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
        messages.success(request, f"The link for {made.email}, mailed where mail is set up, and shown this once: {link}")

    def response_add(self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None) -> HttpResponse:
        """What there is to say has been said."""
        return redirect("admin:runs_invitation_changelist")

    @admin.display(description="state", ordering="expires_at")
    def state(self, invitation: Invitation) -> SafeString:
        if invitation.accepted_by_id:
            return mark("good", "check", "Accepted")
        if invitation.withdrawn_at:
            return mark("idle", "square", "Withdrawn")
        return mark("idle", "cross", "Expired") if invitation.expires_at <= timezone.now() else mark("busy", "ring", "Open")

    @admin.action(description="Withdraw…")
    @asks("Withdraw", "Their links stop working at once.")
    def withdraw(self, request: HttpRequest, rows: QuerySet[Invitation]) -> None:
        for invitation in rows:
            invitations.withdraw(invitation=invitation, by=by(request))
        messages.success(request, "Withdrawn. The links do not hold any more.")
