"""Two kinds of table: those an admin writes through services, and those nobody writes here."""

from typing import Any, TypeVar, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from runs.models import User

Row = TypeVar("Row", bound=Model)


def by(request: HttpRequest) -> User:
    """Who acts. The console lets in nobody but admins."""
    return cast(User, request.user)


class Table(admin.ModelAdmin[Row]):
    """Admins may add and change, and nobody may delete: every row here is somebody's history."""

    list_per_page = 50
    show_full_result_count = False

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
