"""Log-ins, log-outs and failed log-ins, as Django's own signals tell of them, into the audit log."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from runs.models import User
from runs.services.audit import record, record_refusal

FAILED = "login.fail"


@receiver(user_logged_in)
def _came(user: User, **_: object) -> None:
    record("login", user, by=user)


@receiver(user_logged_out)
def _left(user: User | None, **_: object) -> None:
    if user is not None:
        record("logout", user, by=user)


@receiver(user_login_failed)
def _failed(credentials: Mapping[str, Any], **_: object) -> None:
    """A name that is nobody's is not kept: people type their password into the wrong field."""
    name = str(credentials.get("username", ""))
    known = User.objects.filter(username=name).first() if "\x00" not in name else None
    record_refusal(FAILED, known or "an unknown name", by=known)
