"""Invitations: a link, good for some days and one account, whose role and team an admin has chosen."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from runs.models import Role, Team, User
from runs.models.login import Invitation
from runs.models.token import token_hash
from runs.services import people
from runs.services.audit import record
from runs.services.mailing import send_now
from runs.services.permissions import require
from runs.services.refused import Invalid, NotFound, Unfit

DAYS = 7
GONE = "This invitation was used, withdrawn or is too old. Ask an admin of this installation for a new one."

Link = Callable[[str], str]  # makes the address from the token, which is kept nowhere


def invite(*, by: User, email: str, role: Role, team: Team | None, link: Link) -> tuple[Invitation, str]:
    """Mail a link and return it too, for where mail does not arrive; `mail` of the invitation says what came of it."""
    require(by, "person.change")
    if role == Role.SERVICE:
        raise Invalid("A service account is made, not invited.", field="role")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            email=email, role=role, team=team, hash=token_hash(token), made_by=by, expires_at=_end()
        )
        record("invitation.make", invitation, by=by, after={"role": role.value, "team": str(team or "")})
    return _mailed(invitation, by, link(token))


def send_again(*, by: User, invitation: Invitation, link: Link) -> tuple[Invitation, str]:
    """With a new link, good for as long as the first was: the old one is kept nowhere, and stops working."""
    require(by, "person.change")
    if invitation.accepted_by_id is not None or invitation.withdrawn_at is not None:
        raise Unfit(f"The {invitation} was accepted or withdrawn. Make a new one.")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation.hash, invitation.expires_at = token_hash(token), _end()
        invitation.save(update_fields=["hash", "expires_at"])
        record("invitation.again", invitation, by=by)
    return _mailed(invitation, by, link(token))


def _end() -> datetime:
    return timezone.now() + timedelta(days=DAYS)


def _mailed(invitation: Invitation, by: User, address: str) -> tuple[Invitation, str]:
    text = f"{by.get_username()} invites you.\n\nChoose your name and password here, within {DAYS} days:\n{address}\n"
    invitation.mail, invitation.mail_reason = send_now(to=invitation.email, subject="An account at Finetuning UI", text=text)
    invitation.save(update_fields=["mail", "mail_reason"])
    record("invitation.mail", invitation, by=by, mail=invitation.mail, reason=invitation.mail_reason)
    return invitation, address


def find(token: str) -> Invitation:
    """The open invitation of this link. Unknown, expired, used and withdrawn ones are not told apart."""
    found = Invitation.objects.open().select_related("team").filter(hash=token_hash(token)).first()
    if found is None:
        raise NotFound(GONE)
    return found


@transaction.atomic
def accept(*, token: str, username: str, password: str) -> User:
    """Make the account that was offered, once."""
    invitation = Invitation.objects.select_for_update().get(pk=find(token).pk)
    if invitation.accepted_by_id is not None:
        raise NotFound(GONE)
    user = people.create_user(
        by=None,
        username=username,
        role=Role(invitation.role),
        password=password,
        email=invitation.email,
        team=invitation.team.name if invitation.team else "",
    )
    invitation.accepted_by = user
    invitation.save(update_fields=["accepted_by"])
    return user


@transaction.atomic
def withdraw(*, invitation: Invitation, by: User) -> None:
    require(by, "person.change")
    invitation.withdrawn_at = invitation.withdrawn_at or timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    record("invitation.withdraw", invitation, by=by)
