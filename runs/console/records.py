"""What happened: runs, data sets, registered versions, acceptances. Read-only."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.console.table import ReadOnly
from runs.models import DataSet, LicenceAcceptance, ModelVersion, Run
from runs.services import acceptances
from runs.templatetags import marks


class RunAdmin(ReadOnly[Run]):
    empty_words = "Runs of everybody stand here, deleted ones too."
    list_display = ("name", "state", "owner", "base_model", "dataset", "created_at", "completed_at")
    list_filter = ("status", "base_model__family", "created_at")
    search_fields = ("name", "owner__username", "base_model__name", "dataset__name", "details")
    list_select_related = ("owner", "base_model", "dataset")
    date_hierarchy = "created_at"
    fields = (
        ("page", "status", "owner", "visibility"),
        "details",
        "advice",
        ("base_model", "dataset", "eval_dataset"),
        "register_to",
        "request",
        ("step", "total_steps", "last_loss"),
        ("created_at", "queued_at", "started_at", "completed_at", "deleted_at"),
        ("lease_node", "attempts"),
    )
    readonly_fields = ("page",)

    @admin.display(description="status", ordering="status")
    def state(self, run: Run) -> SafeString:
        return marks.status(run)

    @admin.display(description="page")
    def page(self, run: Run) -> SafeString:
        return format_html('<a href="/runs/{0}/">{0}</a>', run.name)


class DataSetAdmin(ReadOnly[DataSet]):
    empty_words = "What people upload, or read from volumes, tables and the hub, stands here."
    list_display = ("name", "owner", "task", "count", "size", "created_at")
    list_filter = ("task_type", "created_at")
    search_fields = ("name", "owner__username", "source", "digest")
    list_select_related = ("owner",)

    @admin.display(description="task", ordering="task_type")
    def task(self, dataset: DataSet) -> str:
        return dataset.task_type.replace("_", " ").capitalize()

    @admin.display(description="rows", ordering="rows")
    def count(self, dataset: DataSet) -> str:
        return f"{dataset.rows:,}"

    @admin.display(description="size", ordering="bytes")
    def size(self, dataset: DataSet) -> str:
        return marks.size(dataset.bytes)


class ModelVersionAdmin(ReadOnly[ModelVersion]):
    empty_words = "A run that completes registers its model, which stands here then."
    list_display = ("name", "version", "run", "owner", "base_model", "size", "created_at")
    search_fields = ("name", "run__name", "run__owner__username", "run__base_model__name")
    list_select_related = ("run__owner", "run__base_model")

    @admin.display(description="owner", ordering="run__owner__username")
    def owner(self, version: ModelVersion) -> str:
        return version.run.owner.username

    @admin.display(description="base model", ordering="run__base_model__name")
    def base_model(self, version: ModelVersion) -> str:
        return version.run.base_model.name

    @admin.display(description="size", ordering="bytes")
    def size(self, version: ModelVersion) -> str:
        return marks.size(version.bytes)


class AcceptanceAdmin(ReadOnly[LicenceAcceptance]):
    """Who accepted which text when; as a table to take away, too."""

    change_list_template = "admin/console/acceptances.html"
    empty_words = "Who accepted which licence stands here, with the text's digest and the time."
    list_display = ("user", "licence", "accepted_at", "text_digest")
    list_filter = ("licence", "accepted_at")
    search_fields = ("user__username", "licence__name")
    list_select_related = ("user", "licence")

    def get_urls(self) -> list[URLPattern]:
        own = path("export/", self.admin_site.admin_view(self.export), name="runs_licenceacceptance_export")
        return [own, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponse:
        """What the list shows with its filters and its search, all pages of it."""
        rows = self.get_changelist_instance(request).get_queryset(request)
        response = HttpResponse(acceptances.table(rows), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="acceptances.csv"'
        return response
