"""Who accepted which licence text when: everybody their own, admins all of them, and as a table to take away."""

import csv
import io
from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from runs.models import LicenceAcceptance, User

HEADS = ("person", "licence", "text digest", "accepted at")
FORMULA = ("=", "+", "-", "@")  # a spreadsheet takes what begins so for something to compute


def seen(*, by: User, person: str = "", licence: str = "") -> QuerySet[LicenceAcceptance]:
    rows = LicenceAcceptance.objects.select_related("user", "licence")
    if not by.is_admin:
        rows = rows.filter(user=by)
    if person:
        rows = rows.filter(user__username=person)
    return rows.filter(licence__key=licence) if licence else rows


def table(rows: Iterable[LicenceAcceptance]) -> Iterator[str]:
    """As CSV, line by line."""
    yield _line(HEADS)
    for row in rows:
        name = row.user.get_username()
        safe = f"'{name}" if name.startswith(FORMULA) else name
        yield _line((safe, row.licence.key, row.text_digest, row.accepted_at.isoformat()))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
