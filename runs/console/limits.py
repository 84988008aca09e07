"""Quotas of people and teams."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.console.table import Table, by
from runs.models import Quota
from runs.services import quotas


class QuotaAdmin(Table[Quota]):
    """One of nobody's counts for every person who has none of their own."""

    list_display = ("whose", "runs_at_once", "device_hours", "storage")
    list_select_related = ("person", "team")
    fields = ("person", "team", "runs_at_once", "device_hours", "storage")

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
