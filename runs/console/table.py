"""Two kinds of table: those an admin writes through services, and those nobody writes here."""

from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from runs.models import User

Row = TypeVar("Row", bound=Model)


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def by(request: HttpRequest) -> User:
    """Who acts. The console lets in nobody but admins."""
    return cast(User, request.user)


class Table(admin.ModelAdmin[Row]):
    """Admins may add and change, and nobody may delete: every row here is somebody's history."""

    group = label = ""  # where the rail has it, and under which name
    empty_words = ""  # of a list without a row: what would stand there, and how it gets there
    list_per_page = 50
    show_full_result_count = False
    empty_value_display = "–"
    formfield_overrides = {models.DateField: {"widget": DayInput}}  # noqa: RUF012  Django's name

    def name_of(self, row: Row) -> str:
        """As an action names it before it is done."""
        return str(row)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        context["adminform"].form.label_suffix = ""
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"empty_words": self.empty_words, **(extra_context or {})})

    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        """A form that is shown again has a status that says so, to scripts and to the audit log."""
        response = super().changeform_view(*args, **kwargs)
        shown_again = isinstance(response, TemplateResponse) and (response.context_data or {}).get("errors")
        if shown_again:
            response.status_code = 422
        return response

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, User) and request.user.is_admin

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(Table[Row]):
    """To look at, search and filter."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
