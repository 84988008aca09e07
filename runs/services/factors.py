"""Second factors: six digits of an authenticator app (RFC 6238), or one of ten recovery codes."""

import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import quote

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs.models import Role, User
from runs.models.login import RecoveryCode, SecondFactor
from runs.services import throttle
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, NotAllowed

STEP = 30  # seconds
DRIFT = 1  # steps before and after the present one, for clocks that differ
DIGITS = 6
RECOVERY_CODES = 10
ISSUER = "Finetuning UI"


def code_at(secret: str, step: int) -> str:
    """The code of one time step: HOTP (RFC 4226) over HMAC-SHA-1, which is what the apps know."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1").digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def has_one(user: User) -> bool:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def admins_without() -> QuerySet[User]:
    """Active admins who log in here, and whose password alone lets them in. Who comes by OpenID has none of ours."""
    safe = SecondFactor.objects.filter(confirmed_at__isnull=False).values("user")
    return (
        User.objects.filter(role=Role.ADMIN, is_active=True)
        .exclude(pk__in=safe)
        .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    )


@transaction.atomic
def begin(*, by: User) -> SecondFactor:
    """A fresh secret, which counts for nothing until `confirm`."""
    if has_one(by):
        raise NotAllowed("There is a second factor already. Remove it first.")
    factor, _ = SecondFactor.objects.update_or_create(
        user=by, defaults={"secret": base64.b32encode(secrets.token_bytes(20)).decode(), "confirmed_at": None, "last_step": 0}
    )
    record("factor.begin", by, by=by)
    return factor


@transaction.atomic
def confirm(*, by: User, code: str) -> list[str]:
    """From now on a code is asked for at each log-in. Returns the recovery codes, which are shown once."""
    factor = SecondFactor.objects.select_for_update().filter(user=by, confirmed_at=None).first()
    if factor is None or not _takes(factor, code):
        raise Invalid("This is not the code that the app shows now. Are both clocks right? Try the next one.", field="code")
    factor.confirmed_at = timezone.now()
    factor.save(update_fields=["confirmed_at"])
    codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=by).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=by, hash=_hash(code)) for code in codes])
    record("factor.add", by, by=by)
    return codes


def check(*, user: User, code: str) -> None:
    """Raise Invalid unless `code` is the app's or an unused recovery code. Neither is taken twice."""
    key = f"code {user.pk}"
    throttle.attempt({key: throttle.PER_ACCOUNT})
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
        if factor is None or not (_takes(factor, code) or _spend(user, code)):
            raise Invalid("This code is wrong or was used before.", field="code")
    throttle.forgive(key)


def check_password(*, user: User, password: str) -> None:
    """Asked for again in an open session. Counted like log-ins: whoever sits at it cannot try one word after the other."""
    key = f"password of {user.pk}"
    throttle.attempt({key: throttle.PER_ACCOUNT})
    if not user.check_password(password):
        raise Invalid("This is not your password.", field="password")
    throttle.forgive(key)


@transaction.atomic
def remove(*, user: User, by: User) -> None:
    """One's own, after the password was asked for again; or somebody's who has lost it, by an admin."""
    if user.pk != by.pk:
        require(by, "person.change")
    if SecondFactor.objects.filter(user=user).delete()[0]:
        record("factor.remove", user, by=by)
    RecoveryCode.objects.filter(user=user).delete()


def address(factor: SecondFactor) -> str:
    """What an app reads from the picture."""
    label = quote(f"{ISSUER}:{factor.user.get_username()}")
    return f"otpauth://totp/{label}?secret={factor.secret.open()}&issuer={quote(ISSUER)}&digits={DIGITS}&period={STEP}"


def _takes(factor: SecondFactor, code: str) -> bool:
    digits, now, secret = code.replace(" ", ""), int(time.time()) // STEP, factor.secret.open()
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > factor.last_step and hmac.compare_digest(code_at(secret, step).encode(), digits.encode()):
            factor.last_step = step
            factor.save(update_fields=["last_step"])
            return True
    return False


def _spend(user: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=user, hash=_hash(code.strip().lower()), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


def _hash(code: str) -> str:
    """sha256 is enough: a code is 64 random bits, and tries are counted."""
    return hashlib.sha256(code.encode()).hexdigest()
