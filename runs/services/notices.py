"""Tell people: on their page of notices at once, and by mail as soon as the mail server takes it."""

import logging
from collections.abc import Iterable
from smtplib import SMTPException

from django.core.mail import send_mail
from django.db.models import F
from django.utils import timezone

from runs import wiring
from runs.models import Notice, User
from runs.services.nudge import after_commit

log = logging.getLogger(__name__)

MAILS_A_SPELL = 100


def tell(people: Iterable[User], *, title: str, text: str, path: str = "") -> None:
    """`path` is the page that it is about."""
    made = Notice.objects.bulk_create([Notice(person=one, title=title[:200], text=text, path=path) for one in people])
    if any(notice.person.email for notice in made):
        after_commit("runs.tasks.post")


def read_all(user: User) -> None:
    """Looked at: what stands on a person's page counts as read."""
    Notice.objects.filter(person=user).unread().update(read_at=timezone.now())


def post() -> int:
    """Send what has not been mailed; return how many mails went out. What fails is tried again by beat."""
    sent = 0
    for notice in Notice.objects.to_mail().select_related("person").order_by("pk")[:MAILS_A_SPELL]:
        if not Notice.objects.filter(pk=notice.pk, mailed_at__isnull=True).update(mailed_at=timezone.now()):
            continue  # another worker has just taken it
        try:
            send_mail(notice.title, _body(notice), None, [notice.person.email])
            sent += 1
        except (OSError, SMTPException) as error:
            log.warning("A mail to %s could not be sent: %s", notice.person, error)
            Notice.objects.filter(pk=notice.pk).update(mailed_at=None, mail_failed=F("mail_failed") + 1)
    return sent


def _body(notice: Notice) -> str:
    where = f"\n\n{wiring.site()}{notice.path}" if notice.path else ""
    return f"{notice.text}{where}\n\nFinetuning UI, {wiring.site()}/"
