"""Creates without an Idempotency-Key whose answer was lost: other services' programs send them again, as they were.

OpenAI's say in a header that they do. databricks-genai says nothing: it repeats a request whose connection broke, byte for
byte, a second later at the soonest. So an equal request counts as the same one when it comes that much later, and when nothing
was heard in between that shows the answer to have arrived, or another run to be on its way.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.db import transaction
from django.utils import timezone

from runs.models import KeptAnswer, User
from runs.services.refused import Begun


class Named(Protocol):
    name: Any


Made = TypeVar("Made", bound=Named)
OPERATION = "resent"  # KeptAnswer.operation of these; `location` is the name of what was made
SOONEST, LATEST = timedelta(seconds=0.95), timedelta(minutes=2)


def once_if_resent(
    *, by: User, text: str, make: Callable[[], Made], earlier: Callable[[str], Made | None], resent: bool | None = None
) -> Made:
    """What `make` makes, or what it made for this text when that is being sent again; `earlier` finds that by its name.

    `resent` says whether it is sent again; None: to be judged by its time.
    """
    arrived = timezone.now()  # before waiting for a request with the same text, which may be under way
    with transaction.atomic():
        key = hashlib.sha256(text.encode()).hexdigest()
        row, new = KeptAnswer.objects.get_or_create(user=by, operation=OPERATION, key=key, defaults={"created_at": arrived})
        if not new and _is_again(arrived - row.created_at, resent):
            found = earlier(row.location)
            if found is not None:
                return found
        try:
            made = make()
        except Begun as first:
            row.delete()
            begun = first
        else:
            return _noted(row, arrived, made)
    raise begun


def _noted(row: KeptAnswer, arrived: datetime, made: Made) -> Made:
    row.created_at, row.location = arrived, made.name
    row.save()
    return made


def _is_again(later: timedelta, resent: bool | None) -> bool:
    return later <= LATEST and (later >= SOONEST if resent is None else resent)


def heard(*, by: User, names: str | None = None) -> None:
    """This person has got the answer: they ask something that names what was made, or (None) begin with another run."""
    rows = KeptAnswer.objects.filter(user=by, operation=OPERATION)
    if names is not None:
        rows = rows.filter(pk__in=[pk for pk, name in rows.values_list("pk", "location") if name in names])
    rows.delete()
