"""Stop this node's engines when the whole stack is stopped, so that nothing is left behind and every run can go on later."""

import time

from runs import wiring
from runs.models import Run
from runs.models.status import LEASED
from runs.services.progress import advance

PATIENCE_SECONDS = 15.0


def interrupt_local_engines() -> int:
    """Ask the engines to keep a checkpoint and leave, wait, and write down where they got to; return how many there were."""
    launcher = wiring.launcher()
    leased = Run.objects.filter(status__in=LEASED, lease_node=wiring.node())
    at_work = [run for run in leased if launcher.is_alive(wiring.run_folder(run.name))]
    for run in at_work:
        launcher.interrupt(wiring.run_folder(run.name))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(launcher.is_alive(wiring.run_folder(run.name)) for run in at_work):
        time.sleep(0.1)
    for run in at_work:
        run.refresh_from_db()
        while advance(run.pk, run.lease_token) and wiring.run_folder(run.name).read_exit() is not None:
            pass
    return len(at_work)
