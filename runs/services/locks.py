"""Locks by name, in all processes: of a database session, for work that speaks to others meanwhile, or of a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def session_lock(name: str, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of this name, in all processes; without `wait`, False when somebody else holds it."""
    ask = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {ask}(hashtext(%s))", [name])
        held = wait or bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


def transaction_lock(name: str) -> None:
    """Hold the lock of this name until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
