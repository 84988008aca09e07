"""Secrets of the whole installation: set and forgotten here, and shown nowhere."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.console.table import Table, by
from runs.models import Secret
from runs.services import secrets
from runs.services.refused import Invalid


class SecretForm(forms.ModelForm[Secret]):
    name = forms.ChoiceField(choices=[(name.value, about.title) for name, about in secrets.KNOWN.items()])
    text = forms.CharField(
        max_length=secrets.MOST,
        label="Value",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown again. A new value takes the place of the old one.",
    )

    class Meta:
        model = Secret
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["name"]


class SecretAdmin(Table[Secret]):
    """Secrets of the whole installation. Those of people are on their own account pages, and nowhere else."""

    form = SecretForm
    empty_words = "Tokens that everybody's runs may use, of the hub say: kept encrypted, and never shown again."
    list_display = ("title", "use", "changed_at", "changed_by")
    list_select_related = ("changed_by",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Secret]:
        return super().get_queryset(request).filter(owner=None)

    def get_readonly_fields(self, request: HttpRequest, obj: Secret | None = None) -> tuple[str, ...]:
        return ("title",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Secret | None = None) -> tuple[str, ...]:
        return ("title" if obj else "name", "text")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def save_model(self, request: HttpRequest, obj: Secret, form: Any, change: bool) -> None:
        name = secrets.Name(obj.name)
        try:
            obj.pk = secrets.put(name=name, value=form.cleaned_data["text"], by=by(request), owner=None).pk
        except Invalid as refused:
            messages.error(request, refused.message)

    def delete_model(self, request: HttpRequest, obj: Secret) -> None:
        secrets.remove(name=secrets.Name(obj.name), by=by(request), owner=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Secret]) -> None:
        for secret in queryset:
            self.delete_model(request, secret)

    @admin.display(description="secret", ordering="name")
    def title(self, secret: Secret) -> str:
        return secrets.KNOWN[secrets.Name(secret.name)].title

    @admin.display(description="what it is for")
    def use(self, secret: Secret) -> str:
        return secrets.KNOWN[secrets.Name(secret.name)].use
