"""The audit log as people ask for it: filtered, and as lines of JSON. Only admins may read it; the doors see to that."""

from collections.abc import Iterator
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

import orjson
from django.db.models import QuerySet

from runs.models import AuditEntry, User
from runs.services.permissions import require

SHOWN = (
    "number", "time", "name", "action", "target", "outcome", "door", "address", "request_id", "before", "after", "details",
    "previous", "digest", "hash",
)  # fmt: skip


def search(
    *,
    by: User,
    words: str = "",
    who: str = "",
    action: str = "",
    outcome: str = "",
    door: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """`action` may be its beginning, as in `run.`; `words` must all stand somewhere in an entry."""
    require(by, "audit.read")
    wanted: dict[str, Any] = {
        "name": who, "action__startswith": action, "outcome": outcome, "door": door, "time__gte": since, "time__lt": until
    }  # fmt: skip
    return AuditEntry.objects.about(words).filter(**{key: value for key, value in wanted.items() if value})


def shown(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in SHOWN}


def lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Oldest first, one JSON object a line, however many there are."""
    for entry in entries.order_by("number").iterator(chunk_size=1_000):
        yield orjson.dumps(shown(entry)).decode() + "\n"


def written(entries: QuerySet[AuditEntry]) -> IO[bytes]:
    """The same as an open file: memory does not grow with the log. Whoever sends it closes it."""
    file = TemporaryFile()  # noqa: SIM115
    for line in lines(entries):
        file.write(line.encode())
    file.seek(0)
    return file
