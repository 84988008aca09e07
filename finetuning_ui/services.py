"""The whole product as one group of processes: embedded PostgreSQL, Valkey and MLflow, and web, worker and beat.

A service whose address is given in the environment is used, not started. `manage.py up` is the door to this.
"""

import os
import sys
import time

from django.conf import settings
from django.db import OperationalError

from finetuning_ui.env import environment
from finetuning_ui.stack import addresses, postgres, programs, valkey
from finetuning_ui.stack.lock import only_stack
from finetuning_ui.stack.preparation import prepare
from finetuning_ui.stack.process import Program
from finetuning_ui.stack.supervisor import Say, Supervisor


class CannotStart(Exception):
    """The stack cannot run like this; the text says what to change."""


def up(say: Say) -> None:
    """Run everything until Ctrl-C or SIGTERM. Raises CannotStart, AlreadyRunning, CannotPrepare or DidNotStart."""
    with only_stack(settings.DATA_DIR):
        supervisor = Supervisor(say=say, folder=settings.DATA_DIR / "processes", logs=settings.LOGS_DIR)
        supervisor.listen()
        try:
            _start(supervisor)
            supervisor.watch()
        finally:
            _stop(supervisor)


def _start(supervisor: Supervisor) -> None:
    """In this order: what others need first. MLflow last: it is slow to start, and training does not wait for it."""
    began, env = time.monotonic(), environment()
    supervisor.sweep([programs.web(), programs.worker(), programs.beat(), *_embedded()])
    _check_ports()
    for program in _embedded():
        if program.name != "mlflow":
            supervisor.start(program, seconds=60)
    if not env.DATABASE_URL and not supervisor.stop_asked:
        postgres.create_databases(settings.EMBEDDED)
    if not supervisor.stop_asked:
        _prepare(supervisor.say)
        supervisor.start(programs.web())
        supervisor.start(programs.worker())
        supervisor.start(programs.beat())
        supervisor.wait("web", seconds=60)
    if not env.MLFLOW_TRACKING_URI and not supervisor.stop_asked:
        supervisor.start(programs.mlflow(settings.DATA_DIR / "mlflow", settings.EMBEDDED))
    if not supervisor.stop_asked:
        supervisor.say(
            "up", f"Finetuning UI is at {programs.web_url()}/ after {time.monotonic() - began:.1f} s. Ctrl-C stops it."
        )


def _embedded() -> list[Program]:
    """The services nobody has given us an address for."""
    env, data, ours = environment(), settings.DATA_DIR, settings.EMBEDDED
    return [
        *([] if env.DATABASE_URL else [postgres.program(data / "postgres", ours)]),
        *([] if env.BROKER_URL else [valkey.program(data / "valkey", ours)]),
        *([] if env.MLFLOW_TRACKING_URI else [programs.mlflow(data / "mlflow", ours)]),
    ]


def _prepare(say: Say) -> None:
    try:
        prepare(say)
    except OperationalError as error:
        where = "DATABASE_URL" if environment().DATABASE_URL else "the embedded database"
        raise CannotStart(f"The database ({where}) cannot be used: {error}") from None


def _check_ports() -> None:
    env = environment()
    if not addresses.free(env.PORT, env.HOST):
        advice = f"Stop that program, or choose another port: PORT={env.PORT + 1} make run"
        raise CannotStart(f"Port {env.PORT} on {env.HOST} is taken by another program. {advice}")
    ours = settings.EMBEDDED
    if not all(addresses.free(port) for port in (ours.postgres, ours.valkey, ours.mlflow)):
        addresses.choose_again(settings.DATA_DIR)
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 # nosec B606 # settings have read the old ports: begin anew


def _stop(supervisor: Supervisor) -> None:
    supervisor.stop_asked = max(1, supervisor.stop_asked)
    supervisor.stop("web", "worker", "beat")
    if "postgres" in supervisor.kept or environment().DATABASE_URL:
        _interrupt_engines(supervisor)
    supervisor.stop("mlflow")
    supervisor.stop("valkey")
    supervisor.stop("postgres")


def _interrupt_engines(supervisor: Supervisor) -> None:
    """Trainings of this node keep a checkpoint and end; the next start goes on from there."""
    try:
        from runs.services.shutdown import interrupt_local_engines

        if count := interrupt_local_engines():
            supervisor.say("engines", f"{count} asked to keep a checkpoint and to end")
    except Exception as error:  # whatever it was, the services below must still be stopped
        supervisor.say("engines", f"could not be asked to end: {error}")
