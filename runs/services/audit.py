"""Write down who did what, in the transaction that does it."""

from typing import Any

from runs.models import AuditEntry, User


def record(action: str, target: object, *, by: User | None, **details: Any) -> None:
    """Add an entry; `by` is None when the product itself acts, on a schedule."""
    AuditEntry.objects.create(who=by, action=action, target=str(target)[:255], details=details)
