"""Who calls: a bearer token, or the browser's session with its CSRF token."""

from contextlib import suppress
from typing import cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from runs.models import User
from runs.services.access import user_for_token
from runs.services.permissions import MethodUnknown, permit


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. Unknown, expired and revoked tokens are not told apart."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        scheme, _, token = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
        if scheme.lower() != "bearer":
            return None
        user = user_for_token(token.strip())
        if user is None:
            raise AuthenticationFailed("This token is not known here, or no longer valid. Make one on the page API tokens.")
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="finetuning-ui"'


class Permitted(BasePermission):
    """The table of permissions, for REST framework. A method that an address does not take is its own matter."""

    def has_permission(self, request: Request, view: object) -> bool:
        if not isinstance(request.user, User):
            return False
        assert request.resolver_match is not None
        with suppress(MethodUnknown):
            permit(request.user, method=request.method or "GET", route=request.resolver_match.route)
        return True


def person(request: Request) -> User:
    """The caller. Views run only after authentication, so there is one."""
    return cast(User, request.user)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How the OpenAPI document names it."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "manage.py create_token, or POST /api/v1/tokens",
        }
