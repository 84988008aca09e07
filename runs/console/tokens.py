"""Tokens of everybody, to be looked at and revoked."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.console.asking import asks
from runs.console.table import ReadOnly, by
from runs.models import ApiToken
from runs.services import access


class TokenAdmin(ReadOnly[ApiToken]):
    """Tokens can be seen by their first characters and revoked; nothing of them can be read."""

    empty_words = "People make tokens on their account page, for scripts; you make those of service accounts under People."
    list_display = ("name", "user", "hint", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("user", "revoked_at")
    search_fields = ("name", "user__username", "hint")
    list_select_related = ("user",)
    fields = ("name", "user", "hint", "created_at", "last_used_at", "expires_at", "revoked_at")
    actions = ("revoke",)

    @admin.action(description="Revoke…")
    @asks("Revoke", "They stop working at once, and programs that use them with them. It cannot be undone.")
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        for token in rows.filter(revoked_at__isnull=True):
            access.revoke_token(token=token, by=by(request))
        messages.success(request, "Revoked. They stopped working at once.")
