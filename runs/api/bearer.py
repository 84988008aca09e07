"""Who sends a request of a foreign dialect: `Authorization: Bearer <token of ours>`."""

from django.http import HttpRequest

from runs.models import User
from runs.services.access import user_for_token
from runs.services.permissions import permit


def bearer(request: HttpRequest) -> User | None:
    """The person behind the request's token. Missing, unknown, expired and revoked ones are not told apart.

    The request knows them from then on, as the audit log wants.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = user_for_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
    if user is not None:
        request.user = user
    return user


def admit(request: HttpRequest, user: User) -> None:
    """Raise NotAllowed for an address that the table of permissions keeps from this person."""
    assert request.resolver_match is not None
    permit(user, method=request.method or "GET", route=request.resolver_match.route)
