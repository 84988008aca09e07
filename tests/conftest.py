"""Real services for the tests, each started by the first test that asks for it and gone with the test process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations

from finetuning_ui.stack import postgres, programs, valkey
from finetuning_ui.stack.addresses import Addresses
from finetuning_ui.stack.process import Process, Program
from tests.serving import web as web

LONG = ("verification", "engine", "browser", "doors", "client")  # folders with the long files, the longest first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that short ones are left to keep every process busy to the end."""
    rank = {folder: place for place, folder in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


@pytest.fixture(autouse=True)
def _smallest_numbers() -> Iterator[None]:
    """An engine that trains in the tests' process rounds numbers next to zero off, and Hypothesis refuses such a processor."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@contextmanager
def running(program: Program, seconds: float) -> Iterator[Process]:
    process = Process(program, logs=settings.LOGS_DIR, records=settings.DATA_DIR / "processes")
    process.start()
    try:
        assert process.wait_ready(seconds), f"{program.name} did not start:\n{process.log.read_text(errors='replace')}"
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Addresses]:
    """PostgreSQL as the product embeds it, on this test process' own folder and port."""
    with running(postgres.program(settings.DATA_DIR / "postgres", settings.EMBEDDED, durable=False), seconds=60):
        postgres.create_databases(settings.EMBEDDED)
        yield settings.EMBEDDED


@pytest.fixture(scope="session", autouse=True)
def _emptying_is_for_tests() -> Iterator[None]:
    """The database refuses to empty the audit log, and a test that commits leaves a database to be emptied."""
    flush = DatabaseOperations.sql_flush

    def past_the_guard(self: DatabaseOperations, *args: Any, **options: Any) -> list[str]:
        return ["SET LOCAL session_replication_role = replica", *flush(self, *args, **options)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", past_the_guard)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_server: Addresses, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Whoever asks for a database asks for the server first."""


@pytest.fixture(scope="session")
def broker_process() -> Iterator[Process]:
    with running(valkey.program(settings.DATA_DIR / "valkey", settings.EMBEDDED), seconds=20) as process:
        yield process


@pytest.fixture(scope="session")
def broker(broker_process: Process) -> str:
    """The URL of a real Valkey: `settings.BROKER_URL` of the tests."""
    return settings.EMBEDDED.broker_url


@pytest.fixture
def broker_down(broker_process: Process) -> Iterator[None]:
    """The broker is really gone for the length of one test."""
    broker_process.stop()
    yield
    broker_process.start()
    assert broker_process.wait_ready(20)


@pytest.fixture(scope="session")
def mlflow_server(postgres_server: Addresses) -> Iterator[str]:
    """The URL of a real MLflow server: `settings.MLFLOW_TRACKING_URI` of the tests. Takes some ten seconds to start."""
    with running(programs.mlflow(Path(settings.DATA_DIR / "mlflow"), settings.EMBEDDED), seconds=120):
        yield settings.EMBEDDED.mlflow_uri
