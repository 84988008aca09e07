"""The web application as a real process on the tests' own database, with a pool so small that a leak would show."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from finetuning_ui.env import Environment
from finetuning_ui.stack.process import Process, Program
from runs.models import User

POOL = 4


class Web:
    """Where the application answers, and how a test gets in."""

    def __init__(self, port: int, process: Process) -> None:
        self.port, self.process = port, process
        self.url = f"http://127.0.0.1:{port}"
        self.application = _application(port)

    def cookie(self, user: User) -> tuple[str, str]:
        """Name and value of a session of this person's."""
        session = SessionStore()
        session["_auth_user_id"] = str(user.pk)
        session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
        session["_auth_user_hash"] = user.get_session_auth_hash()
        session.create()
        return f"session-{self.port}", str(session.session_key)

    def client(self, user: User | None) -> httpx.Client:
        return httpx.Client(base_url=self.url, cookies=dict([self.cookie(user)]) if user else None, timeout=30)


def _application(port: int) -> str:
    """How PostgreSQL tells this server's sessions from those of the tests' own threads and of other servers."""
    return f"served-{port}"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _database_url(application: str) -> str:
    """The test database of this process, which the server cannot guess."""
    now = connection.settings_dict
    return f"postgresql://{now['USER']}:{now['PASSWORD']}@/{now['NAME']}?host={now['HOST']}&port={now['PORT']}&application_name={application}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/healthz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def web(django_db_setup: None, django_db_blocker: object) -> Iterator[Web]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environ = dict.fromkeys(Environment.model_fields, "") | {
        "DJANGO_SETTINGS_MODULE": "finetuning_ui.settings",
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": _database_url(_application(port)),
        "DATABASE_POOL": str(POOL),
        "PORT": str(port),
        "DEBUG": "1",  # static files come from the source tree
        "LOG_LEVEL": "WARNING",
        "REQUESTS_PER_MINUTE": "1000000",  # tests ask faster than people
    }
    command = [sys.executable, "-m", "uvicorn", "finetuning_ui.asgi:application", "--port", str(port), "--log-level", "warning"]
    command += ["--timeout-graceful-shutdown", "1", "--http", "finetuning_ui.punctual:Punctual"]
    program = Program(name=f"web-{port}", command=command, environ={**os.environ, **environ}, ready=lambda: _answers(url))
    process = Process(program, logs=settings.LOGS_DIR, records=Path(settings.DATA_DIR) / "processes")
    process.start()
    try:
        assert process.wait_ready(60), process.log.read_text(errors="replace")
        yield Web(port, process)
    finally:
        process.stop()
