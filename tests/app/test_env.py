"""The environment is typed and loud: a wrong value is answered with its name, what it was and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetuning_ui.env import PROJECT, BadEnvironment, Environment, read


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    env = read({})
    assert (env.PORT, env.HOST, env.DATA_DIR) == (8000, "127.0.0.1", PROJECT / "var")
    assert (env.DEBUG, env.HTTPS, env.CPU_SLOTS) == (False, False, 1)
    assert (env.DATABASE_URL, env.BROKER_URL, env.MLFLOW_TRACKING_URI) == ("", "", "")
    assert env.ENGINE_THREADS is None


def test_values_are_typed() -> None:
    env = read(
        {"PORT": "8123", "HTTPS": "1", "ALLOWED_HOSTS": "a.example, b.example,", "ENGINE_THREADS": "2", "LOG_LEVEL": "debug"}
    )
    assert (env.PORT, env.HTTPS, env.ENGINE_THREADS, env.LOG_LEVEL) == (8123, True, 2, "DEBUG")
    assert env.ALLOWED_HOSTS == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "eighty", "valid integer"),
        ("PORT", "0", "Allowed: 1 to 65535"),
        ("PORT", "65536", "Allowed: 1 to 65535"),
        ("CPU_SLOTS", "-1", "Allowed: 1 to 1024"),
        ("HTTPS", "perhaps", "valid boolean"),
        ("TIME_ZONE", "Mars/Olympus", "Europe/Vienna"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
        ("HF_ENDPOINT", "ftp://hub", "must start with http:// or https://"),
        ("MLFLOW_TRACKING_URI", "mlruns", "must start with http:// or https://"),
    ],
)
def test_a_wrong_value_says_which_variable_what_it_was_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(BadEnvironment) as refused:
        read({name: value})
    text = str(refused.value)
    assert f"{name} is '{value}'" in text
    assert allowed in text
    assert str(Environment.model_fields[name].description) in text


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://root:hunter2@db/x"), ("BROKER_URL", "amqp://me:hunter2@mq"), ("SECRET_KEY", "hunter2")],
)
def test_a_secret_is_never_repeated_in_the_message(name: str, value: str) -> None:
    with pytest.raises(BadEnvironment) as refused:
        read({name: value})
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(BadEnvironment) as refused:
        read({"PORT": "x", "CPU_SLOTS": "y", "DEBUG": "z"})
    assert all(name in str(refused.value) for name in ("PORT", "CPU_SLOTS", "DEBUG"))


def test_an_empty_value_counts_as_unset() -> None:
    assert read({"PORT": "", "DATA_DIR": "", "DEBUG": ""}) == read({})


def test_a_dotenv_file_counts_and_the_real_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# ours\nPORT=8001\nHOST='0.0.0.0'\nUNRELATED=1\n")
    env = read({"PORT": "8002"}, dotenv)
    assert (env.PORT, env.HOST) == (8002, "0.0.0.0")


def test_a_relative_folder_starts_at_the_project_wherever_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({"DATA_DIR": "elsewhere"}).DATA_DIR == PROJECT / "elsewhere"
    absolute = read({"DATA_DIR": str(tmp_path)}).DATA_DIR
    assert absolute == tmp_path


@given(st.text(min_size=1))
def test_whatever_port_says_it_is_a_port_or_an_error_in_words(value: str) -> None:
    try:
        outcome = f"PORT is {read({'PORT': value}).PORT}"
    except BadEnvironment as error:
        outcome = str(error)
    assert "PORT is" in outcome


def manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
    places = os.environ | {"DJANGO_SETTINGS_MODULE": "finetuning_ui.settings"}
    return subprocess.run(command, env=places | environ, capture_output=True, text=True, check=False)


def test_a_command_with_a_wrong_environment_says_so_without_a_traceback() -> None:
    made = manage("check", PORT="99999")
    assert made.returncode == 1
    assert "PORT is '99999'" in made.stderr
    assert "Traceback" not in made.stderr


def test_a_database_url_that_libpq_cannot_read_is_an_error_in_words() -> None:
    made = manage("check", DATABASE_URL="postgresql://host:5432/name?no-such-option=1")
    assert made.returncode == 1
    assert made.stderr.startswith("DATABASE_URL cannot be read:")
    assert "no-such-option" in made.stderr


def test_a_data_dir_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    made = manage("check", DATA_DIR=str(tmp_path / "file"))
    assert made.returncode == 1
    assert made.stderr.startswith(f"DATA_DIR is {tmp_path / 'file'}: ")
    assert "Traceback" not in made.stderr


def test_a_command_that_needs_the_database_says_that_the_stack_is_down(tmp_path: Path) -> None:
    made = manage("showmigrations", DATA_DIR=str(tmp_path))
    assert made.returncode == 1
    assert "make run" in made.stderr
    assert "Traceback" not in made.stderr


def test_the_secrets_of_an_installation_are_made_once_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    assert manage("check", DATA_DIR=str(tmp_path)).returncode == 0
    first = {name: (tmp_path / name).read_text() for name in ("secret_key", "stack.json")}
    assert manage("check", DATA_DIR=str(tmp_path)).returncode == 0
    assert {name: (tmp_path / name).read_text() for name in first} == first
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in first} == {0o600}


def test_behind_tls_djangos_own_deployment_checks_have_nothing_to_say(tmp_path: Path) -> None:
    made = manage("check", "--deploy", "--fail-level", "WARNING", DATA_DIR=str(tmp_path), HTTPS="1")
    assert made.returncode == 0, made.stderr
