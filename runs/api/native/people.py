"""The caller, and the caller's tokens."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import NewTokenShape, PersonShape, TokenBody, TokenPage, TokenShape
from runs.api.native.paging import page
from runs.api.native.query import PageQuery, read
from runs.models import ApiToken
from runs.services import access, once
from runs.services.refused import NotFound


@operation("Who am I", answer=PersonShape, tag="people")
def whoami(request: Request) -> Response:
    """The person behind the token or the session."""
    return shown(PersonShape.of(person(request)))


@operation("List your tokens", answer=TokenPage, query=PageQuery, tag="people")
def list_tokens(request: Request) -> Response:
    """Revoked and expired ones too; the tokens themselves are kept nowhere."""
    return page(request, ApiToken.objects.filter(user=person(request)), read(request, PageQuery), TokenShape.of)


@operation("Create a token", answer=NewTokenShape, status=201, body=TokenBody, creates=True, tag="people")
def create_token(request: Request) -> Response:
    """The answer has the token, once."""
    body = read_body(TokenBody, request)
    row, token = access.create_token(by=person(request), name=body.name, expires_at=body.expires_at, scopes=body.scopes)
    response = shown(NewTokenShape(token=token, **TokenShape.of(row).model_dump()), 201)
    response.headers["Location"] = request.build_absolute_uri(f"/api/v1/tokens/{row.pk}")
    response.headers["Cache-Control"] = "no-store"
    return response


@operation("Show a token", answer=TokenShape, tag="people")
def show_token(request: Request, key: str) -> Response:
    """All but the token itself, which is kept nowhere. A revoked one is in the list alone."""
    return tagged(request, TokenShape.of(_token(request, key)).model_dump(mode="json"))


@operation("Revoke a token", status=204, tag="people")
def revoke_token(request: Request, key: str) -> Response:
    """It stops working at once."""
    access.revoke_token(token=_token(request, key), by=person(request))
    once.release(by=person(request), location=request.path)
    return Response(status=204)


def _token(request: Request, key: str) -> ApiToken:
    token = ApiToken.objects.filter(pk=key, user=person(request), revoked_at__isnull=True).first()
    if token is None:
        raise NotFound("You have no such token.")
    return token


me = resource(get=whoami)
tokens = resource(get=list_tokens, post=create_token)
token = resource(get=show_token, delete=revoke_token)
