"""Where the present request, task or command came from. Whoever opens a door says so here; the audit log asks.

Imports no model: log lines are marked before there are any.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

from runs.services.refused import Problem, Refused


class Door(StrEnum):
    """The way something came in."""

    WEB = "web"
    CONSOLE = "console"
    REST = "rest"
    DATABRICKS = "databricks"
    OPENAI = "openai"
    COMMAND = "command"
    TASK = "task"


@dataclass
class Origin:
    """`refused` is what a door turned into an answer, if it turned anything down."""

    door: Door
    address: str
    request_id: str = ""
    refused: list[Problem] = field(default_factory=list)


_present: ContextVar[Origin | None] = ContextVar("origin", default=None)


def present() -> Origin:
    """A command at this machine unless somebody said otherwise."""
    return _present.get() or Origin(Door.COMMAND, socket.gethostname()[:64])


def request_id() -> str:
    known = _present.get()
    return known.request_id if known else ""


def arrive(origin: Origin) -> None:
    """For whoever is told that something begins, and not when it ends: until the next one arrives."""
    _present.set(origin)


@contextmanager
def coming_from(origin: Origin) -> Iterator[Origin]:
    token = _present.set(origin)
    try:
        yield origin
    finally:
        _present.reset(token)


def turned_down(refused: Refused) -> None:
    """A door says that it answers with this refusal, so that the log can say why."""
    if known := _present.get():
        known.refused = list(refused.problems)
