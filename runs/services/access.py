"""Accounts, tokens and licence acceptance: who is who, and what they agreed to."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from runs.models import ApiToken, Licence, LicenceAcceptance, Right, Role, User
from runs.models.token import token_hash
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, NotAllowed, Unfit

TOKEN_PREFIX = "ftui_"  # noqa: S105  tells people and secret scanners what they found
LAST_USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def ensure_first_admin() -> tuple[str, str] | None:
    """Create `admin` with a random password when nobody has an account yet; return both, to be shown once."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(12)
    admin = User.objects.create_superuser("admin", "admin@localhost", password)
    record("user.create", admin, by=None, role=Role.ADMIN)
    return admin.username, password


@transaction.atomic
def create_token(
    *, by: User, name: str, expires_at: datetime | None = None, scopes: Iterable[str] | None = None, owner: User | None = None
) -> tuple[ApiToken, str]:
    """Return the row and the token itself, which is shown once and kept nowhere.

    `scopes` are all that `by` has, unless fewer are named. `owner` is a service account that an admin makes it for.
    """
    require(by, "token.create")
    if owner is not None and owner.pk != by.pk:
        require(by, "person.change")
        if owner.role != Role.SERVICE:
            raise NotAllowed("People make their own tokens; an admin makes those of service accounts.")
    held = _scopes(by, owner or by, scopes)
    if not name.strip():
        raise Invalid("Give the token a name, so that you know later what uses it.", field="name")
    if len(name) > 100:
        raise Invalid("A token's name has at most 100 characters.", field="name")
    if expires_at is not None and expires_at <= timezone.now():
        raise Unfit("This moment is over: the token would never work.", field="expires_at")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=owner or by, scopes=held, name=name.strip(), hash=token_hash(token), hint=token[:9], expires_at=expires_at
    )
    record("token.create", row, by=by, scopes=held)
    return row, token


def _scopes(by: User, owner: User, asked: Iterable[str] | None) -> list[str]:
    """Those that were asked for, if they are scopes at all, and not more than whose token it is may do, and this request may
    hand on: who is promoted later makes new tokens.
    """
    most = owner.own_rights if by.scopes is None else owner.own_rights & by.scopes
    wanted = most if asked is None else set(asked)
    if unknown := sorted(wanted - set(Right)):
        raise Invalid(f"There is no scope “{unknown[0]}”. There are {', '.join(Right)}.", field="scopes")
    if not wanted:
        raise Invalid("A token without scopes could do nothing. Name at least one.", field="scopes")
    if wanted - most:
        whose = "its person may" if by.scopes is None else "the token that makes it has"
        raise NotAllowed(f"A token has no more scopes than {whose}: {', '.join(right for right in Right if right in most)}.")
    return [right.value for right in Right if right in wanted or right is Right.READ]


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> None:
    require(by, "token.revoke", token)
    token.revoked_at = token.revoked_at or timezone.now()
    token.save(update_fields=["revoked_at"])
    record("token.revoke", token, by=by)


def user_for_token(token: str) -> User | None:
    """The active person behind a bearer token, or None for one that is unknown, expired or revoked."""
    row = ApiToken.objects.usable().select_related("user").filter(hash=token_hash(token)).first()
    if row is None:
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > LAST_USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    user: User = row.user
    user.scopes = frozenset(Right(scope) for scope in row.scopes)
    return user


def text_digest(licence: Licence) -> str:
    """Names the text that was shown: when any of it changes, it must be accepted again."""
    text = "\n".join(
        [licence.name, str(licence.version_date), licence.url, licence.policy_url, licence.notice, *licence.obligations]
        + ([licence.text] if licence.text else [])
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def has_accepted(*, user: User, licence: Licence) -> bool:
    return LicenceAcceptance.objects.filter(user=user, licence=licence, text_digest=text_digest(licence)).exists()


@transaction.atomic
def accept_licence(*, licence: Licence, by: User) -> LicenceAcceptance:
    """Record that this person accepted the text as it stands today; accepting twice changes nothing."""
    require(by, "licence.accept")
    acceptance, new = LicenceAcceptance.objects.get_or_create(user=by, licence=licence, text_digest=text_digest(licence))
    if new:
        record("licence.accept", licence, by=by, text_digest=acceptance.text_digest)
    return acceptance
