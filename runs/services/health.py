"""Whether this installation can do its work: the database, its migrations and the broker, each with a reason when not."""

from collections.abc import Callable
from dataclasses import dataclass

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    why: str = ""  # what is wrong, and empty when nothing is


def check_all() -> list[Check]:
    """Every part that must work before a request can be served. Never raises; takes a few seconds at worst."""
    return [_checked("postgres", _postgres), _checked("migrations", _migrations), _checked("broker", _broker)]


def _checked(name: str, question: Callable[[], str]) -> Check:
    try:
        why = question()
    except Exception as error:  # whatever a driver raises is the answer
        why = f"{type(error).__name__}: {error}".strip()
    return Check(name, ok=not why, why=why)


def _postgres() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not missing:
        return ""
    return f"{len(missing)} not applied, first {missing[0][0]}; run `manage.py migrate`"


def _broker() -> str:
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return ""
