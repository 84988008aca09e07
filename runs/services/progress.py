"""Follow an engine: its lines become rows, each exactly once, and its end settles the run.

The byte offset into events.jsonl is saved in the transaction that writes the rows, so a follower that dies in between leaves
nothing half done and its successor goes on at the right byte.
"""

import logging
import time
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from runs import wiring
from runs.contract.events import Exit, Line, parse_line
from runs.contract.folder import RunFolder
from runs.models import Run, RunStatus
from runs.services import timeline
from runs.services.absorbing import absorb
from runs.services.dispatch import renew
from runs.services.lifecycle import wish_to_stop
from runs.services.settling import requeue, settle, starve

log = logging.getLogger(__name__)

SPELL_SECONDS = 30.0  # then a successor takes over, so that no task is as long as a run
NAP_SECONDS = 0.2
RENEW_SECONDS = 2.0
CHUNK = 1 << 20  # bytes read at a time: a follower that comes late catches up in bounded transactions


def follow(run_id: int, token: str, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Follow for a spell. True: the run goes on and wants a successor. False: it is settled, or somebody else's now."""
    deadline = time.monotonic() + SPELL_SECONDS
    renewed = 0.0
    while time.monotonic() < deadline and not stopping():
        if not advance(run_id, token):
            return False
        if time.monotonic() - renewed > RENEW_SECONDS:
            if not renew(run_id, token):
                return False
            renewed = time.monotonic()
        time.sleep(NAP_SECONDS)
    return True


def advance(run_id: int, token: str) -> bool:
    """Absorb what the engine has said since, and settle the run if it has ended. False when there is nothing more to follow."""
    run = Run.objects.filter(pk=run_id, lease_token=token).exclude(lease_token="").first()
    if run is None:
        return False
    folder = wiring.run_folder(run.name)
    if run.status == RunStatus.TERMINATING and not folder.stop.exists():
        wish_to_stop(run)  # it could not be told when it was asked for
    folder.ask_to_pause(run.pause_wanted)  # here, because a launch in the same moment clears the folder
    # The order matters: what an engine wrote before its last word, and before its death, is read after.
    word, alive = folder.read_exit(), wiring.launcher().is_alive(folder)
    lines, offset = read_lines(folder, run.events_offset)
    ended = offset == run.events_offset and (word is not None or not alive)
    if not lines and not ended:
        return True
    return _write(run, token, lines, offset, _ending(folder, word) if ended else None)


def _ending(folder: RunFolder, word: Exit | None) -> Callable[[Run], None]:
    if (last_word := word or folder.read_exit()) is not None:
        return lambda run: settle(run, last_word)
    if wiring.launcher().was_starved(folder):
        return lambda run: starve(run, folder)
    return lambda run: requeue(run, "The training process was lost; the run goes on from its last checkpoint.")


@transaction.atomic
def _write(run: Run, token: str, lines: list[Line], offset: int, ending: Callable[[Run], None] | None) -> bool:
    locked = Run.objects.select_for_update().filter(pk=run.pk, lease_token=token, events_offset=run.events_offset).first()
    if locked is None:
        return False
    if lines:
        absorb(locked, lines)
    locked.events_offset = offset
    locked.lease_heartbeat = timezone.now()
    locked.save()
    timeline.tell(locked)
    if ending is not None:
        ending(locked)
    return ending is None


def read_lines(folder: RunFolder, offset: int) -> tuple[list[Line], int]:
    """Whole lines from byte `offset` on, and the offset behind the last of them."""
    try:
        with folder.events.open("rb") as file:
            file.seek(offset)
            chunk = file.read(CHUNK)
            if len(chunk) == CHUNK and b"\n" not in chunk:
                chunk += file.readline()  # one line longer than a chunk must not stop the follower for ever
    except FileNotFoundError:
        return [], offset
    whole = chunk[: chunk.rfind(b"\n") + 1]
    return [line for raw in whole.splitlines() if raw.strip() and (line := _line(raw))], offset + len(whole)


def _line(raw: bytes) -> Line | None:
    """A line, or None for one that nobody can read: better to miss it than to follow the run no more."""
    try:
        return parse_line(raw)
    except ValidationError as error:
        log.error("An unreadable line of events.jsonl was left out: %s (%s)", raw[:200], error)
        return None
