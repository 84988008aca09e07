"""Mail about which somebody wants to know at once whether it went out."""

from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import send_mail
from django.db import models

TO_THE_LOG = "django.core.mail.backends.console.EmailBackend"  # what settings take where no server is named


class Mailed(models.TextChoices):
    SENT = "sent", "Mailed"
    OFF = "off", "Mail is not set up"
    FAILED = "failed", "Could not be mailed"


def send_now(*, to: str, subject: str, text: str) -> tuple[Mailed, str]:
    """What came of it, and why it failed. Nothing is sent where mail is not set up: a link does not belong into a log."""
    if settings.EMAIL_BACKEND == TO_THE_LOG:
        return Mailed.OFF, ""
    try:
        send_mail(subject, text, None, [to])
    except (OSError, SMTPException) as error:
        return Mailed.FAILED, _reason(error, to)[:300]
    return Mailed.SENT, ""


def _reason(error: Exception, to: str) -> str:
    match error:
        case SMTPRecipientsRefused():
            code, said = error.recipients.get(to, (550, b"refused"))
            return f"The mail server does not take this address: {code} {_words(said)}"
        case SMTPResponseException():
            return f"The mail server answered {error.smtp_code} {_words(error.smtp_error)}"
        case OSError() if not isinstance(error, SMTPException):
            return f"The mail server cannot be reached: {error.strerror or error}"
    return f"The mail server failed: {error}"


def _words(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
