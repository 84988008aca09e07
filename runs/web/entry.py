"""The forms in front of the log-in. What they say is the same whether there is such an account or not."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from runs.services import throttle
from runs.services.throttle import TooOften

WRONG = "User name or password is wrong, or the account is switched off."


class LoginForm(AuthenticationForm):
    """Django's, which hashes a password for names that nobody has, too; and counted."""

    error_messages = {"invalid_login": WRONG, "inactive": WRONG}  # noqa: RUF012

    too_often = False

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        keys = throttle.login_keys(self.cleaned_data.get("username", ""), str(self.request.META.get("REMOTE_ADDR", "")))
        try:
            throttle.attempt(keys)
        except TooOften as refused:
            self.too_often = True
            raise ValidationError(refused.message) from None
        cleaned: dict[str, Any] = super().clean()
        throttle.forgive(*keys)
        return cleaned


class ForgottenForm(forms.Form):
    email = forms.EmailField(max_length=254, label="E-mail address")


class CodeForm(forms.Form):
    code = forms.CharField(max_length=40, label="Code")


class InvitedForm(forms.Form):
    username = forms.CharField(max_length=150, label="User name")
    password = forms.CharField(label="Password", widget=forms.PasswordInput, strip=False)
    again = forms.CharField(label="Password again", widget=forms.PasswordInput, strip=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("password") != given.get("again"):
            self.add_error("again", "The two passwords differ.")
        return given
