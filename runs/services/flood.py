"""Refused writes of people without an account, as many as an admin can read: the first of a minute are entries of the audit log
one by one, the rest is one entry that says how many there were. The log is never shortened, so nobody may lengthen it at will.
"""

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from runs.models import Refusals
from runs.services.audit import record_refusal
from runs.services.origin import Origin, coming_from, present

FROM_ONE, FROM_ALL = 20, 200  # entries in a minute, of one address and of all together
EVERYBODY = ""

# One statement, so that processes that count at the same moment miss nothing.
COUNT = """
INSERT INTO runs_refusals AS kept (address, minute, count, unlisted) VALUES (%(address)s, %(minute)s, %(count)s, %(unlisted)s)
ON CONFLICT (address, minute) DO UPDATE
SET count = kept.count + excluded.count, unlisted = kept.unlisted + excluded.unlisted RETURNING count
"""


def is_listed(address: str) -> bool:
    """Count one more refusal; whether it gets an entry of its own."""
    minute = timezone.now().replace(second=0, microsecond=0)
    if _add(address or "unknown", minute, count=1) > FROM_ONE:
        _add(address or "unknown", minute, unlisted=1)
    elif _add(EVERYBODY, minute, count=1) > FROM_ALL:
        _add(EVERYBODY, minute, unlisted=1)  # from many addresses: in one entry, or they would be as many again
    else:
        return True
    return False


@transaction.atomic
def summarise() -> None:
    """An entry for each address and minute that had more than were listed; forget the minutes that are over."""
    now = timezone.now().replace(second=0, microsecond=0)
    over = list(Refusals.objects.select_for_update(skip_locked=True).filter(minute__lt=now).order_by("minute", "address"))
    for row in over:
        if row.unlisted:
            with coming_from(Origin(present().door, row.address)):
                record_refusal("refused", "attempts by nobody", by=None, minute=row.minute.isoformat(), more=row.unlisted)
    Refusals.objects.filter(pk__in=[row.pk for row in over]).delete()


def _add(address: str, minute: datetime, *, count: int = 0, unlisted: int = 0) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"address": address, "minute": minute, "count": count, "unlisted": unlisted})
        return int(cursor.fetchone()[0])
