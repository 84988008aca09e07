"""What `manage.py` prints, so that scripts can use it."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from runs.models import AuditEntry, Role, User
from runs.services import access


def output(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_create_token_prints_the_token_and_nothing_else(owner: User) -> None:
    token = output("create_token", "owner", "--name", "ci")
    assert token == token.strip() + "\n"
    assert access.user_for_token(token.strip()) == owner


def test_an_unknown_person_is_named_with_those_who_are_there(owner: User) -> None:
    with pytest.raises(CommandError, match="no active user “nobody”"):
        output("create_token", "nobody", "--name", "ci")


def test_a_token_without_a_name_is_refused_in_words(owner: User) -> None:
    with pytest.raises(CommandError, match="Give the token a name"):
        output("create_token", "owner", "--name", " ")


def test_create_user_prints_a_made_password_once(db: None) -> None:
    password = output("create_user", "nia", "--role", "viewer", "--team", "night").strip()
    nia = User.objects.get(username="nia")
    assert nia.check_password(password)
    assert (nia.role, nia.team and nia.team.name) == (Role.VIEWER, "night")
    assert password not in str(AuditEntry.objects.values())


def test_create_user_takes_a_password_from_standard_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    assert output("create_user", "nia", "--ask-password") == ""
    assert User.objects.get(username="nia").check_password("correct horse battery")


def test_a_bad_password_and_a_taken_name_are_refused_in_words(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("123\n"))
    with pytest.raises(CommandError, match="too short"):
        output("create_user", "nia", "--ask-password")
    with pytest.raises(CommandError, match="already exists"):
        output("create_user", "owner")


def test_as_a_process_errors_go_to_standard_error_with_exit_code_1(db: None) -> None:
    manage = Path(settings.BASE_DIR, "manage.py")
    done = subprocess.run(
        [sys.executable, manage, "create_token", "x"], capture_output=True, text=True, timeout=60, cwd=settings.BASE_DIR
    )
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "--name" in done.stderr
