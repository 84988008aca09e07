"""Log-in with an OpenID provider: who comes, with what role, and what happens when it goes wrong.

The provider says who somebody is, and asks for second factors itself. What they may do is said here.
"""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from runs.models import Role, User
from runs.services.audit import record

REFUSED = "The log-in did not work out. Try again, or ask an admin of this installation."


def _back(request: HttpRequest) -> HttpResponse:
    messages.error(request, REFUSED)
    return redirect("login")


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes an account of their own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:  # noqa: ARG002
        return _back(request)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """allauth's own words are not said."""


class Newcomers(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Known by an earlier log-in, or, the first time, by an address that the provider vouches for and one account has."""
        if sociallogin.is_existing:
            if sociallogin.user.role == Role.SERVICE:
                self._refuse(request)
            return
        verified = [found.email for found in sociallogin.email_addresses if found.verified]
        known = list(User.objects.filter(email__iexact=verified[0])) if verified else []
        if len(known) == 1 and known[0].role != Role.SERVICE:
            sociallogin.connect(request, known[0])
            record("oidc.link", known[0], by=known[0])
        elif known:
            self._refuse(request)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        user.role = Role(settings.OIDC_ROLE)
        user.save()
        record("user.create", user, by=None, role=user.role, door="oidc")
        return user

    def on_authentication_error(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        self._refuse(request)

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise ImmediateHttpResponse(_back(request))
