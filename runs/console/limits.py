"""Quotas of people and teams, and what they use."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.console.sizes import SizeField
from runs.console.table import Table, by
from runs.models import Quota, Team, User
from runs.services import quotas, spending
from runs.templatetags.marks import size


class QuotaForm(forms.ModelForm[Quota]):
    storage = SizeField(
        required=False,
        help_text=f"In GB, or with a unit, as in 1.5 TB; empty: no limit. {spending.COUNTED}",
    )

    class Meta:
        model = Quota
        fields = ("person", "team", "runs_at_once", "device_hours", "storage")
        help_texts = {  # noqa: RUF012
            "person": "Or a team. With neither it counts for every person who has none of their own.",
            "runs_at_once": "Waiting, training and paused ones together; empty: no limit.",
            "device_hours": "The time in which an engine has a run, for each of its devices; empty: no limit.",
        }


class QuotaAdmin(Table[Quota]):
    """One of nobody's counts for every person who has none of their own."""

    form = QuotaForm
    empty_words = "Nothing is limited. A quota holds for a person, for a team, or for everybody who has none of their own."
    list_display = ("whose", "runs", "hours", "bytes")
    list_select_related = ("person", "team")

    def get_readonly_fields(self, request: HttpRequest, obj: Quota | None = None) -> tuple[str, ...]:
        return ("used",) if obj and (obj.person or obj.team) else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:
        quotas.set_quota(quota=obj, by=by(request))

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        quotas.remove_quota(quota=obj, by=by(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Quota]) -> None:
        for quota in queryset:
            self.delete_model(request, quota)

    @admin.display(description="whose", ordering="person__username")
    def whose(self, quota: Quota) -> str:
        return str(quota.person or (f"team {quota.team}" if quota.team else "everybody without one"))

    @admin.display(description="runs at once", ordering="runs_at_once", empty_value="–")
    def runs(self, quota: Quota) -> str | None:
        return _of(quota, "runs_at_once", lambda of: f"{spending.runs_at_once(of)}", lambda limit: f"{limit}")

    @admin.display(description="device hours a month", ordering="device_hours", empty_value="–")
    def hours(self, quota: Quota) -> str | None:
        return _of(quota, "device_hours", lambda of: f"{spending.device_hours(of):.1f}", lambda limit: f"{limit:,} h")

    @admin.display(description="storage", ordering="storage", empty_value="–")
    def bytes(self, quota: Quota) -> str | None:
        return _of(quota, "storage", lambda of: size(spending.storage(of).total), size)

    @admin.display(description="used now")
    def used(self, quota: Quota) -> SafeString:
        return used(quota.person or quota.team)


def _of(quota: Quota, name: str, use: Any, written: Any) -> str | None:
    """`3 of 5`; the limit alone where it is everybody's."""
    limit, whose = getattr(quota, name), quota.person or quota.team
    if limit is None:
        return None
    return f"{use(whose)} of {written(limit)}" if whose else str(written(limit))


def used(whose: User | Team | None) -> SafeString:
    """What a person or team uses, with its units."""
    if whose is None:
        return SafeString("–")
    found = spending.spending(whose)
    parts = ", ".join(f"{part} {size(count)}" for part, count in found.storage.parts.items())
    return format_html(
        '{} {} at once · {} device hours this month · {} of storage <span class="muted">({})</span>',
        found.runs_at_once,
        "run" if found.runs_at_once == 1 else "runs",
        f"{found.device_hours:,.1f}",
        size(found.storage.total),
        parts,
    )
