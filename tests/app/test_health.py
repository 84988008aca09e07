"""/healthz and /readyz tell the truth about this installation."""

import pytest
from django.db import connection
from django.test import Client


def test_the_process_says_that_it_is_alive_without_asking_anything_of_the_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.django_db
def test_ready_when_database_migrations_and_broker_are_there(client: Client, broker: str) -> None:
    answer = client.get("/readyz")
    assert answer.json() == {name: {"ok": True, "why": ""} for name in ("postgres", "migrations", "broker")}
    assert answer.status_code == 200


@pytest.mark.django_db
def test_a_migration_that_was_not_applied_is_named_and_answered_with_503(client: Client, broker: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["postgres"]["ok"]
    assert "sessions.0001_initial" in answer.json()["migrations"]["why"]


@pytest.mark.django_db
def test_a_broker_that_does_not_answer_is_named_and_answered_with_503(client: Client, broker_down: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["broker"]["ok"]
    assert "refused" in answer.json()["broker"]["why"]
