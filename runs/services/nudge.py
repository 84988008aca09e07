"""Send a task to the workers once the transaction has committed.

A nudge that is lost (the broker is down, say) costs seconds, never a run: the database is the truth, and beat looks at it.
"""

import logging
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def _send(task: str, arguments: tuple[Any, ...], countdown: float) -> None:
    try:
        current_app.send_task(task, args=arguments, countdown=countdown or None, retry=False, ignore_result=True)
    except Exception as error:  # any transport's own error: what matters is that nobody's request fails for it
        log.warning("Could not nudge %s%s: %s. Beat will see to it.", task, arguments, error)


def after_commit(task: str, *arguments: Any, countdown: float = 0) -> None:
    """`task` is a name such as runs.tasks.start; `countdown` is in seconds."""
    transaction.on_commit(partial(_send, task, arguments, countdown))
