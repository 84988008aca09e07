"""Celery's door: load, one service call. Every task is short and may be lost, late or doubled without harm."""

import socket
import threading

from celery import shared_task
from celery.signals import task_prerun, worker_shutting_down
from django.db import close_old_connections

from runs.services import (
    delivering,
    dispatch,
    fetching,
    flood,
    leftovers,
    measuring,
    mirroring,
    notices,
    once,
    origin,
    probing,
    progress,
    publishing,
    resetting,
    retirement,
    seals,
    taking,
    throttle,
    weighing,
)
from runs.services.nudge import after_commit

_stopping = threading.Event()


@worker_shutting_down.connect
def _shutting_down(**_: object) -> None:
    _stopping.set()


@task_prerun.connect
def _begun(task_id: str = "", **_: object) -> None:
    origin.arrive(origin.Origin(origin.Door.TASK, socket.gethostname()[:64], task_id))


@shared_task
def start() -> None:
    dispatch.start_waiting()


@shared_task
def follow(run_id: int, token: str) -> None:
    close_old_connections()
    if progress.follow(run_id, token, stopping=_stopping.is_set):
        after_commit("runs.tasks.follow", run_id, token)


@shared_task
def publish(run_id: int, token: str) -> None:
    publishing.publish(run_id, token)


@shared_task
def register(run_id: int) -> None:
    publishing.register_now(run_id)


@shared_task
def mail_reset(email: str, base: str) -> None:
    resetting.send(email, base)


@shared_task
def sweep() -> None:
    throttle.sweep()
    flood.summarise()


@shared_task
def mirror() -> None:
    mirroring.mirror()


@shared_task
def measure(pk: int, token: str) -> None:
    close_old_connections()
    if token := measuring.work(pk, token, stopping=_stopping.is_set):
        after_commit("runs.tasks.measure", pk, token)


@shared_task
def take(pk: int, token: str) -> None:
    close_old_connections()
    if token := taking.work(pk, token, stopping=_stopping.is_set):
        after_commit("runs.tasks.take", pk, token)


@shared_task
def fetch(pk: int, token: str) -> None:
    close_old_connections()
    if token := fetching.work(pk, token, stopping=_stopping.is_set):
        after_commit("runs.tasks.fetch", pk, token)


@shared_task
def probe(pk: int, token: str) -> None:
    close_old_connections()
    if token := probing.work(pk, token, stopping=_stopping.is_set):
        after_commit("runs.tasks.probe", pk, token)


@shared_task
def reap() -> None:
    dispatch.reap()
    measuring.reap()
    fetching.reap()
    probing.reap()
    taking.reap()


@shared_task
def weigh() -> None:
    weighing.weigh()


@shared_task
def deliver() -> None:
    delivering.deliver()


@shared_task
def forget() -> None:
    once.forget()
    delivering.forget()
    taking.forget()
    leftovers.clear()


@shared_task
def retire() -> None:
    retirement.carry_out()


@shared_task
def seal() -> None:
    seals.seal()


@shared_task
def post() -> None:
    notices.post()
