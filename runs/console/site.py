"""The site itself: its name, its front page, and who gets in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from runs.console.overview import overview
from runs.console.places import places
from runs.models import User
from runs.services.permissions import may


class Console(AdminSite):
    site_title = site_header = "Finetuning UI console"
    index_title = "Overview"
    index_template = "admin/console/overview.html"
    enable_nav_sidebar = False  # the product's rail is

    def has_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and may(request.user, "console.use")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        found = places(request, self._registry.values())
        here = next((spot.label for _, spots in found for spot in spots if spot.current), "")
        return {**super().each_context(request), "console_places": found, "console_place": here}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one login page; whoever is logged in and no admin is told so."""
        if request.user.is_authenticated:
            raise PermissionDenied("The console is for admins.")
        return redirect_to_login(request.GET.get("next", request.path))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**(extra_context or {}), "overview": overview()})
