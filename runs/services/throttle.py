"""How often something may be tried, counted in the database, so that it holds for all processes together.

An attempt is written down before it is judged: of many at the same moment, no more are let through than of many in a row.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from runs.models.login import Attempt
from runs.services.refused import Refused

WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 10, 60  # in one window


class TooOften(Refused):
    """The same words whether there is such an account or not."""

    code = "too_often"

    def __init__(self) -> None:
        super().__init__(f"Too many attempts. Wait {WINDOW.seconds // 60} minutes, then try again.")


def attempt(keys: Mapping[str, int]) -> None:
    """Count one attempt under each key, as in {"account owner": 10}; raise TooOften when one has had its number."""
    since = timezone.now() - WINDOW
    digests = {_digest(key): most for key, most in keys.items()}
    Attempt.objects.bulk_create([Attempt(key=digest) for digest in digests])
    if any(Attempt.objects.filter(key=digest, at__gte=since).count() > most for digest, most in digests.items()):
        raise TooOften


def forgive(*keys: str) -> None:
    """Whoever succeeds begins anew."""
    Attempt.objects.filter(key__in=[_digest(key) for key in keys]).delete()


def sweep() -> None:
    """Forget what no window reaches any more."""
    Attempt.objects.filter(at__lt=timezone.now() - 2 * WINDOW).delete()


def login_keys(account: str, address: str) -> dict[str, int]:
    return {f"account {account.strip().casefold()}": PER_ACCOUNT, f"address {address}": PER_ADDRESS}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
