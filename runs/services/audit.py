"""Write down who did what, in the transaction that does it; and who tried what in vain."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from django.db import transaction
from django.utils import timezone

from runs.models import AuditEntry, User
from runs.models.audit import Outcome
from runs.models.digest import content, digests
from runs.services.origin import present

LARGEST_FLOAT = 1e15  # beyond it PostgreSQL gives a float back as a whole number
LONGEST = 4_000  # characters of one text within an entry


def record(
    action: str,
    target: object,
    *,
    by: User | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **details: Any,
) -> None:
    """Add an entry; `by` is None when the product itself acts. `before` and `after` name what was changed, and only that."""
    _add(action, target, by=by, outcome=Outcome.DONE, before=before or {}, after=after or {}, details=details)


@transaction.atomic
def record_refusal(action: str, target: object, *, by: User | None, **details: Any) -> None:
    """Add an entry of an attempt that changed nothing; outside the transaction that was rolled back."""
    _add(action, target, by=by, outcome=Outcome.REFUSED, before={}, after={}, details=details)


def changes(row: object, now: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`before` and `after` for `record`: what of `now` differs from what `row` holds."""
    differing = [key for key, value in now.items() if getattr(row, key) != value]
    return {"before": {key: getattr(row, key) for key in differing}, "after": {key: now[key] for key in differing}}


def _add(action: str, target: object, *, by: User | None, outcome: Outcome, **values: Mapping[str, Any]) -> None:
    origin = present()
    fields: dict[str, Any] = {
        "time": timezone.now(),
        "who_id": by.pk if by else None,
        "name": by.get_username() if by else "",
        "action": _text(action)[:100],
        "target": _text(str(target))[:255],
        "outcome": outcome.value,
        "door": origin.door.value,
        "address": origin.address,
        "request_id": origin.request_id,
        **{name: _plain(value) for name, value in values.items()},
    }
    AuditEntry.objects.create(**fields, digest=digests(content(fields))[0])


def _plain(value: Any) -> Any:
    """As it comes back from the database, so that the digest can be made again."""
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int():
            return value
        case float() if math.isfinite(value) and abs(value) < LARGEST_FLOAT:
            return value + 0.0  # there is no negative zero there
        case Mapping():
            return {_text(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """PostgreSQL keeps no NUL and no half of a surrogate pair."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= LONGEST else f"{clean[:LONGEST]}… ({len(clean):,} characters)"
