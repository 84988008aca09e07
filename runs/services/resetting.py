"""Forgotten passwords: a link by mail. Whoever asks learns nothing: the answer comes before anybody is looked up."""

from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from runs.models import Role, User
from runs.services import throttle
from runs.services.audit import record
from runs.services.nudge import after_commit

MOST = 5  # mails asked for, for one address of mail, within a window


def ask(*, email: str, base: str, address: str) -> None:
    """Have the mail sent by a worker, so that the answer takes as long for an address that nobody has. Raises TooOften."""
    throttle.attempt({f"reset {email.strip().casefold()}": MOST, f"reset from {address}": throttle.PER_ADDRESS})
    after_commit("runs.tasks.mail_reset", email.strip(), base)


def send(email: str, base: str) -> None:
    """The worker's part: one mail for each account with this address."""
    for user in User.objects.filter(email__iexact=email, is_active=True).exclude(role=Role.SERVICE).exclude(email=""):
        if not user.has_usable_password():
            continue
        link = f"{base}/login/reset/{urlsafe_base64_encode(force_bytes(user.pk))}/{default_token_generator.make_token(user)}/"
        text = f"Somebody has asked for a new password for “{user.get_username()}”.\n\nChoose it here:\n{link}\n\n"
        send_mail("A new password for Finetuning UI", text + "If that was not you, do nothing.\n", None, [user.email])
        record("password.mail", user, by=None)
