"""Do a thing once, however often a program that lost the answer asks for it again under the same key.

The key is claimed by a row within the transaction that does the thing: a second request waits for the first, and then finds its
answer; when the first was refused, its claim is gone with everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from runs.models import KeptAnswer, User
from runs.services.refused import Begun, KeyReused

KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    location: str = ""
    repeated: bool = False


def once(*, by: User, operation: str, key: str, digest: Callable[[], str], make: Callable[[], Answer]) -> Answer:
    """What `make` answers, or what it answered to this key before. Raise KeyReused when something else was asked for then.

    `digest` names what is asked for; it is called after `make`, which may have to read it first.
    """
    begun: Begun | None = None
    with transaction.atomic():
        row, new = KeptAnswer.objects.get_or_create(user=by, operation=operation, key=key)
        if not new and row.created_at < timezone.now() - KEPT:
            row.delete()
            row, new = KeptAnswer.objects.create(user=by, operation=operation, key=key), True
        if new:
            try:
                answer = make()
            except Begun as found:
                begun = found
                row.delete()  # it is asked again under the same key
            else:
                return _kept(row, answer, digest())
    if begun is not None:
        raise begun
    if row.digest != digest():
        raise KeyReused("This key was used before, for another request. Use a new key.", field="Idempotency-Key")
    return Answer(row.status, row.body.open(), row.location, repeated=True)


def _kept(row: KeptAnswer, answer: Answer, digest: str) -> Answer:
    row.digest, row.status, row.location = digest, answer.status, answer.location
    row.body = answer.body
    row.save()
    return answer


def release(*, by: User, location: str) -> None:
    """Free the keys of what is gone: `location` is the end of its address."""
    KeptAnswer.objects.filter(user=by, location__endswith=location).delete()


def forget() -> int:
    """Delete answers that are older than they are kept; the number of them."""
    return KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
