"""People and teams."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import BaseUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from runs.console.asking import asks
from runs.console.limits import used
from runs.console.table import Table, by
from runs.models import Role, Team, User
from runs.services import access, factors, people, spending
from runs.services.audit import record
from runs.services.refused import Invalid, NotAllowed
from runs.templatetags.marks import size


class NewUserForm(BaseUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("username", "email", "role", "team", "training", "deploying")


class UserForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ("email", "role", "team", "training", "deploying", "is_active")
        help_texts = {"is_active": "Nobody is deleted: switched off, a person cannot log in and their tokens do not work."}  # noqa: RUF012

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        role, active = Role(given.get("role", Role.VIEWER)), given.get("is_active", False)
        try:
            people.check_admins_left(user=self.instance, role=role, active=active)
        except Invalid as refused:
            self.add_error("role", refused.message)
        return given


class UserAdmin(Table[User], DjangoUserAdmin[User]):
    form = UserForm
    add_form = NewUserForm
    add_form_template, change_form_template = None, "admin/console/person.html"
    list_display = ("username", "email", "role", "team", "is_active", "last_login")
    list_filter = ("role", "team", "is_active")
    search_fields = ("username", "email")
    list_select_related = ("team",)
    filter_horizontal = ()
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "username",
                    "email",
                    "role",
                    "team",
                    "training",
                    "deploying",
                    "is_active",
                    "last_login",
                    "date_joined",
                    "uses",
                )
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "role", "team", "training", "deploying", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined", "uses")

    actions = ("make_token", "remove_factor")

    @admin.action(description="Make a token…")
    @asks("Make a token for", "For service accounts. It is shown once, on the next page.")
    def make_token(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        for account in rows:
            try:
                _, token = access.create_token(by=by(request), name="made in the console", owner=account)
            except NotAllowed as refused:
                messages.error(request, f"{account}: {refused.message}")
            else:
                messages.success(request, f"The token of {account}, shown this once: {token}")

    @admin.action(description="Remove second factor…")
    @asks("Remove the second factor of", "Their passwords alone let them in until they set up a new one.")
    def remove_factor(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        for person in rows:
            factors.remove(user=person, by=by(request))
        messages.success(request, "Removed. Their passwords alone let them in until they set up a new one.")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("username", "last_login", "date_joined", "uses") if obj else ()

    @admin.display(description="uses")
    def uses(self, user: User) -> SafeString:
        return used(user)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        given = form.cleaned_data
        if change:
            role, team, active = Role(given["role"]), given["team"], given["is_active"]
            rights = {name: given[name] for name in ("training", "deploying")}
            people.change_user(user=obj, by=by(request), role=role, team=team, active=active, email=given["email"], **rights)
            return
        made = people.create_user(
            by=by(request),
            username=given["username"],
            role=Role(given["role"]),
            password=given["password1"],
            email=given["email"],
            team=given["team"].name if given["team"] else "",
            training=given["training"],
            deploying=given["deploying"],
        )
        obj.pk = made.pk

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  Django's name
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            record("user.password", User.objects.get(pk=id), by=by(request))
        return response


class TeamAdmin(Table[Team]):
    empty_words = "The people of a team see each other's runs, data sets and models, and may share a quota."
    list_display = ("name", "members", "storage")
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:
        return ("uses",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        people.save_team(team=obj, by=by(request))

    @admin.display(description="people")
    def members(self, team: Team) -> int:
        return team.people.count()

    @admin.display(description="storage")
    def storage(self, team: Team) -> str:
        return size(spending.storage(team).total)

    @admin.display(description="uses")
    def uses(self, team: Team) -> SafeString:
        return used(team)
