"""The audit log: searched, filtered, looked at one by one, downloaded, and whether its chain holds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.console.table import ReadOnly
from runs.models import AuditEntry
from runs.services import chain, history


class AuditAdmin(ReadOnly[AuditEntry]):
    list_display = ("time", "who_acted", "action", "target", "outcome", "door", "address", "what")
    list_filter = ("outcome", "door", "action", "who", "time")
    search_fields = ("action",)
    search_help_text = "Words from anywhere in an entry: a person, a run, an address, a request id, a value."
    list_select_related = ("who",)
    date_hierarchy = "time"
    change_list_template = "admin/console/audit.html"
    fields = (
        ("number", "time"), ("who_acted", "outcome"), ("action", "target"), ("door", "address", "request_id"), "changed",
        "details", "previous", "digest", "hash",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: AuditEntry | None = None) -> tuple[str, ...]:
        return ("number", "who_acted", "changed", "previous", "digest", "hash")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[AuditEntry], bool]:
        return queryset.about(search_term), False

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("export/", self.admin_site.admin_view(self.export), name="runs_auditentry_export"),
            path("verify/", self.admin_site.admin_view(self.verify), name="runs_auditentry_verify"),
        ]
        return own + super().get_urls()

    def export(self, request: HttpRequest) -> FileResponse:
        """What the list shows with its filters and its search, all pages of it."""
        chosen = self.get_changelist_instance(request).get_queryset(request)
        return FileResponse(
            history.written(chosen), as_attachment=True, filename="audit.jsonl", content_type="application/jsonl"
        )

    def verify(self, request: HttpRequest) -> HttpResponse:
        verdict = chain.verify()
        if verdict.broken:
            messages.error(request, f"The audit log is broken at entry {verdict.broken.number}. {verdict.broken.what}")
        else:
            said = f"{verdict.entries:,} entries follow from one another. The head, to be kept somewhere else: {verdict.head}"
            messages.success(request, said)
        return redirect("admin:runs_auditentry_changelist")

    @admin.display(description="who", ordering="name")
    def who_acted(self, entry: AuditEntry) -> str:
        return entry.actor

    @admin.display(description="what")
    def what(self, entry: AuditEntry) -> str:
        """In one line: what changed, else what was said besides."""
        changed = [f"{key}: {_short(entry.before.get(key))} → {_short(entry.after.get(key))}" for key in _keys(entry)]
        said = [problem["message"] for problem in entry.details.get("problems", [])]
        return "; ".join([*changed, *said] or [f"{key}: {_short(value)}" for key, value in entry.details.items()])[:200]

    @admin.display(description="changed")
    def changed(self, entry: AuditEntry) -> SafeString | str:
        rows = [(key, _short(entry.before.get(key)), _short(entry.after.get(key))) for key in _keys(entry)]
        if not rows:
            return "nothing"
        cells = format_html_join("", "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td></tr>", rows)
        head = "<thead><tr><th>What</th><th>Before</th><th>After</th></tr></thead>"
        return format_html("<table>" + head + "<tbody>{}</tbody></table>", cells)


def _keys(entry: AuditEntry) -> list[str]:
    return list({**entry.before, **entry.after})


def _short(value: object) -> str:
    return "–" if value in (None, "", [], {}) else str(value)[:500]
