"""Invitations: made with a link that is mailed and shown once, sent again, and withdrawn."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from runs.console.asking import asks
from runs.console.table import Table, by
from runs.models import Role
from runs.models.login import Invitation
from runs.services import invitations
from runs.services.mailing import Mailed
from runs.services.refused import Invalid
from runs.templatetags.marks import mark

MOST = 20  # sent again in one request: a mail server takes its time


def _link(request: HttpRequest) -> invitations.Link:
    return lambda token: request.build_absolute_uri(reverse("invited", args=[token]))


class InvitationForm(forms.ModelForm[Invitation]):
    role = forms.ChoiceField(choices=[choice for choice in Role.choices if choice[0] != Role.SERVICE], initial=Role.SCIENTIST)

    class Meta:
        model = Invitation
        fields = ("email", "role", "team")


class InvitationAdmin(Table[Invitation]):
    form = InvitationForm
    empty_words = "An invitation is a link by mail, good for a week and one account, with the role and team that you choose."
    list_display = ("email", "state", "mailed", "role", "team", "accepted_by", "expires_at", "made_by", "made_at")
    list_select_related = ("team", "made_by", "accepted_by")
    search_fields = ("email",)
    actions = ("send_again", "withdraw")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        given = form.cleaned_data
        made = invitations.invite(
            by=by(request), email=given["email"], role=Role(given["role"]), team=given["team"], link=_link(request)
        )
        obj.pk = made[0].pk
        request.told = [made]  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None) -> HttpResponse:
        """The link is shown this once, with what became of the mail."""
        return self._told(request, request.told)  # type: ignore[attr-defined]

    def _told(self, request: HttpRequest, told: list[tuple[Invitation, str]]) -> HttpResponse:
        title = f"Invited: {told[0][0].email}" if len(told) == 1 else f"Invited: {len(told)} people"
        context = {**self.admin_site.each_context(request), "title": title, "told": told, "days": invitations.DAYS}
        return TemplateResponse(request, "admin/console/invited.html", context)

    @admin.display(description="mail", ordering="mail")
    def mailed(self, invitation: Invitation) -> str:
        said = Mailed(invitation.mail).label if invitation.mail else "–"
        return f"{said}. {invitation.mail_reason}" if invitation.mail_reason else said

    @admin.action(description="Send again…")
    @asks("Send again", "Each gets a new link, and the one before stops working.")
    def send_again(self, request: HttpRequest, rows: QuerySet[Invitation]) -> HttpResponse | None:
        told = []
        for invitation in rows[:MOST]:
            try:
                told.append(invitations.send_again(by=by(request), invitation=invitation, link=_link(request)))
            except Invalid as refused:
                messages.error(request, refused.message)
        return self._told(request, told) if told else None

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
        messages.success(request, "Withdrawn. The links do not work any more.")
