"""Who sends a request of a foreign dialect: `Authorization: Bearer <token of ours>`."""

from django.http import HttpRequest

from runs.models import User
from runs.services.access import user_for_token


def bearer(request: HttpRequest) -> User | None:
    """The person behind the request's token. Missing, unknown, expired and revoked ones are not told apart.

    The request knows them from then on, as the audit log wants.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = user_for_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
    if user is not None:
        request.user = user
    return user
