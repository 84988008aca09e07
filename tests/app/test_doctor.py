"""The doctor finds what is wrong, says how to mend it, and ends with a status that a script can use."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from finetuning_ui import diagnosis
from finetuning_ui.diagnosis import Finding, findings
from finetuning_ui.env import PROJECT
from finetuning_ui.stack.lock import only_stack


def doctor(data_dir: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    places = {"DJANGO_SETTINGS_MODULE": "finetuning_ui.settings", "DATA_DIR": str(data_dir), "COLUMNS": "200", **environ}
    command = [sys.executable, str(PROJECT / "manage.py"), "doctor"]
    return subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=False)


def about(question: object) -> list[Finding]:
    return list(question())  # type: ignore[operator]


def test_a_taken_port_is_found_and_the_status_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        made = doctor(tmp_path, PORT=str(port))
    assert made.returncode == 1
    assert f"✗ port {port} on 127.0.0.1" in made.stdout
    assert f"set PORT={port + 1}" in made.stdout
    assert "to mend." in made.stdout


def test_each_part_has_a_line(tmp_path: Path) -> None:
    said = doctor(tmp_path).stdout
    for part in ("Python 3", "packages", "torch 2", "on disk", "memory", "DATA_DIR", "port", "base model", "browser"):
        assert part in said


def test_a_package_of_another_version_is_named_with_the_tested_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "constraints.txt").write_text("# pins\ndjango==1.0\nnot-installed==3\n")
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    (finding,) = about(diagnosis._packages)
    assert not finding.ok
    assert finding.what.startswith("django is 5.2")
    assert finding.what.endswith("tested with 1.0")
    assert "not-installed" not in finding.what


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands where the folder should be: that stops root as well."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "file")
    (finding,) = about(diagnosis._data_dir)
    assert not finding.ok
    assert str(tmp_path / "file") in finding.what
    assert "DATA_DIR" in finding.mend


def test_too_little_room_is_a_finding_with_the_amount_that_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(diagnosis, "DISK_GIB", 10**9)
    disk, memory = about(diagnosis._room)
    assert (disk.ok, memory.ok) == (False, True)
    assert "1000000000 GiB" in disk.mend


@pytest.mark.django_db
def test_the_services_of_a_stack_that_runs_are_asked_each(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with only_stack(settings.DATA_DIR):
        found = {finding.what.split()[0].strip(":"): finding for finding in about(diagnosis._services)}
    assert set(found) == {"postgres", "migrations", "broker", "MLflow"}
    assert found["postgres"].ok
    assert found["migrations"].ok
    assert found["broker"].ok
    assert not found["MLflow"].ok, "nobody listens there"
    assert "Training goes on without it" in found["MLflow"].mend


def test_pages_that_do_not_answer_are_found() -> None:
    with only_stack(settings.DATA_DIR):
        (finding,) = about(diagnosis._pages)
    assert not finding.ok
    assert "web.log" in finding.mend


def test_a_stack_that_is_down_is_no_illness() -> None:
    assert all(finding.ok for finding in about(diagnosis._services) if "port" not in finding.what)
    assert about(diagnosis._pages) == []


def test_model_files_are_listed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MODELS_DIR", tmp_path)
    assert "make demo" in about(diagnosis._models)[0].what
    (tmp_path / "SmolLM2-135M-Instruct").mkdir()
    (tmp_path / "SmolLM2-135M-Instruct" / "config.json").touch()
    assert about(diagnosis._models)[0].what == "base model files: SmolLM2-135M-Instruct"


def test_a_question_that_breaks_is_a_finding_and_the_others_are_still_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def _broken() -> None:
        raise RuntimeError("a surprise")

    monkeypatch.setattr(diagnosis, "QUESTIONS", (_broken, diagnosis._python))
    broken, python = findings()
    assert not broken.ok
    assert "a surprise" in broken.what
    assert python.ok
