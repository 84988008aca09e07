"""A stack for as long as a command needs one: the one that is already running on this DATA_DIR, or one of its own."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from finetuning_ui.stack import programs
from finetuning_ui.stack.lock import is_running
from finetuning_ui.stack.process import die_with_parent
from finetuning_ui.stack.supervisor import DidNotStart

START_SECONDS = 180  # the first start on a slow disk makes the database
STOP_SECONDS = 90  # engines get time to keep a checkpoint


@contextmanager
def running_stack(say: Callable[[str], None]) -> Iterator[None]:
    """Ends the stack afterwards if it was started here. `say` gets its lines until it is ready; later ones go to logs/up.log.

    Raises DidNotStart.
    """
    if is_running(settings.DATA_DIR):
        say(f"Using the stack that is running at {programs.web_url()}/")
        yield
        return
    ready = threading.Event()
    stack = _start()
    teller = threading.Thread(target=_tell, args=(stack, say, ready), daemon=True)
    teller.start()
    try:
        _wait(stack, ready)
        yield
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(STOP_SECONDS)
        teller.join()


def _start() -> subprocess.Popen[str]:
    """In its own session: Ctrl-C is for the command, which ends the stack when it is done itself."""
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "up"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


def _wait(stack: subprocess.Popen[str], ready: threading.Event) -> None:
    answers, deadline = programs.web().ready, time.monotonic() + START_SECONDS
    while stack.poll() is None and time.monotonic() < deadline:
        if answers and answers():
            ready.set()
            return
        time.sleep(0.1)
    raise DidNotStart("The stack did not start; the reason is above.")


def _tell(stack: subprocess.Popen[str], say: Callable[[str], None], ready: threading.Event) -> None:
    """A pipe and not a file, because the first account's password is among the lines."""
    settings.LOGS_DIR.mkdir(parents=True, exist_ok=True)
    with (settings.LOGS_DIR / "up.log").open("a", encoding="utf-8") as log:
        for line in stack.stdout or ():
            if not ready.is_set():
                say(line.rstrip("\n"))
            else:
                log.write(line)
                log.flush()
