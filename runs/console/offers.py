"""What is on offer: base models and licences."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from runs.console import additions, fetching, retiring
from runs.console.forms import BaseModelForm
from runs.console.table import Table, by
from runs.models import BaseModel, Licence
from runs.services import fetching as weights
from runs.services import offering, verifying
from runs.services.checks import weights_are_here
from runs.services.verifying import Health
from runs.templatetags.marks import mark

WEIGHTS = {
    Health.HERE: ("good", "check"),
    Health.UNVERIFIED: ("idle", "half"),
    Health.REACHABLE: ("idle", "ring"),
    Health.VOLUME: ("idle", "ring"),
    Health.MISSING: ("idle", "ring"),
    Health.GATED: ("warn", "bars"),
    Health.FAULTY: ("bad", "cross"),
    Health.UNREACHABLE: ("bad", "cross"),
}


class StateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("offered", "On offer"), ("leaving", "Leaving"), ("retired", "Retired"), ("disabled", "Switched off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BaseModel]) -> QuerySet[BaseModel]:
        today = timezone.localdate()
        wanted: dict[str, dict[str, Any]] = {
            "leaving": {"retires_on__gt": today},
            "retired": {"retires_on__lte": today},
            "disabled": {"enabled": False},
        }
        if self.value() == "offered":
            return queryset.filter(pk__in=BaseModel.objects.offered())
        return queryset.filter(**wanted.get(self.value() or "", {}))


class BaseModelAdmin(Table[BaseModel]):
    form = BaseModelForm
    empty_words = "What runs are trained from. Add one by its Hugging Face id or its folder."
    list_display = ("name", "family", "state", "weights", "run_count", "context", "licence", "instead")
    list_filter = (StateFilter, "family", "licence")
    search_fields = ("name", "display_name", "family")
    list_select_related = ("licence", "replacement")
    actions = ("verify_selected", "retire_selected", "retire_families")
    change_form_template = "admin/console/basemodel.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BaseModel]:
        return super().get_queryset(request).annotate(run_total=Count("runs"))

    def get_readonly_fields(self, request: HttpRequest, obj: BaseModel | None = None) -> tuple[str, ...]:
        """A model keeps its name: runs and registered versions refer to it."""
        return ("name", "state", "retirement_reason") if obj else ()

    def get_fields(self, request: HttpRequest, obj: BaseModel | None = None) -> tuple[str, ...]:
        return (*BaseModelForm.Meta.fields, *(("state", "retirement_reason") if obj else ()))

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("retire/", self.admin_site.admin_view(retiring.retire), name="runs_basemodel_retire"),
            path("<int:key>/fetch/", self.admin_site.admin_view(fetching.fetch), name="runs_basemodel_fetch"),
            path("<int:key>/restore/", self.admin_site.admin_view(retiring.restore), name="runs_basemodel_restore"),
        ]
        return own + super().get_urls()

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        model = BaseModel.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        fetchable = bool(model and not model.is_retired and weights.fetchable(model))
        more = {"fetchable": fetchable, "here": bool(model and weights_are_here(model)), "admin": True}
        return super().change_view(request, object_id, form_url, extra_context=more)

    def add_view(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        return additions.add(request)

    def save_model(self, request: HttpRequest, obj: BaseModel, form: Any, change: bool) -> None:
        teams = form.cleaned_data.get("teams")
        offering.save_model(model=obj, by=by(request), changed=form.changed_data, teams=teams)

    @admin.display(description="state", ordering="retires_on")
    def state(self, model: BaseModel) -> SafeString:
        if model.retires_on is None:
            return mark("good", "check", "On offer") if model.enabled else mark("idle", "ring", "Switched off")
        day = date_format(model.retires_on, "j M Y")
        return mark("idle", "square", f"Retired {day}") if model.is_retired else mark("warn", "half", f"Leaves {day}")

    @admin.display(description="weights")
    def weights(self, model: BaseModel) -> SafeString:
        found = verifying.health(model)
        return mark(*WEIGHTS[found], found.value.capitalize())

    @admin.display(description="context", ordering="max_context_length")
    def context(self, model: BaseModel) -> str:
        return f"{model.max_context_length:,}"

    @admin.display(description="instead", empty_value="–")
    def instead(self, model: BaseModel) -> str | None:
        return model.replacement.display_name if model.replacement else None

    @admin.action(description="Verify")
    def verify_selected(self, request: HttpRequest, rows: QuerySet[BaseModel]) -> None:
        for model in rows[:20]:
            found = verifying.verify(model=model, by=by(request))
            level = messages.WARNING if found.problems else messages.SUCCESS
            self.message_user(request, f"{model.name}: {' '.join(found.problems) or 'in order.'}", level)

    @admin.display(description="runs", ordering="run_total")
    def run_count(self, model: Any) -> int:
        return int(model.run_total)

    @admin.action(description="Retire…")
    def retire_selected(self, request: HttpRequest, rows: QuerySet[BaseModel]) -> HttpResponse:
        return _to_retire([("model", key) for key in rows.values_list("pk", flat=True)])

    @admin.action(description="Retire whole families…")
    def retire_families(self, request: HttpRequest, rows: QuerySet[BaseModel]) -> HttpResponse:
        return _to_retire([("family", family) for family in sorted(set(rows.values_list("family", flat=True)))])


def _to_retire(chosen: list[tuple[str, Any]]) -> HttpResponse:
    return redirect(f"{reverse('admin:runs_basemodel_retire')}?{urlencode(chosen)}")


class LicenceForm(forms.ModelForm[Licence]):
    url = forms.URLField(required=False, assume_scheme="https", label="Link")
    policy_url = forms.URLField(required=False, assume_scheme="https", label="Acceptable use policy")
    obligations = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text="One a line, as the wizard shows them."
    )

    class Meta:
        model = Licence
        fields = (
            "key", "name", "version_date", "url", "policy_url", "notice", "obligations", "attribution", "name_prefix",
            "notice_file", "user_threshold", "text",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["obligations"] = "\n".join(self.instance.obligations)

    def clean_obligations(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["obligations"].splitlines() if line.strip()]


class LicenceAdmin(Table[Licence]):
    form = LicenceForm
    empty_words = "Each base model has one, which people accept before they train it."
    list_display = ("name", "key", "version_date", "accepted_by")
    search_fields = ("name", "key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Licence]:
        return super().get_queryset(request).annotate(people=Count("acceptances__user", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Licence | None = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Licence, form: Any, change: bool) -> None:
        offering.save_licence(licence=obj, by=by(request), changed=form.changed_data)

    @admin.display(description="accepted by")
    def accepted_by(self, licence: Any) -> str:
        return "1 person" if licence.people == 1 else f"{licence.people} people"
