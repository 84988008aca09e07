"""The audit of what we stand on: strict when the service answers, and plain about it when it does not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetuning_ui.env import PROJECT

CLEAN: dict[str, Any] = {"name": "idna", "version": "3.20", "vulns": []}
FLAW: dict[str, Any] = {"id": "PYSEC-2026-1", "aliases": [], "fix_versions": ["9.0"]}
UNKNOWN = {"name": "idna", "skip_reason": "Dependency not found on PyPI"}
# Answers first to the probe, then to the whole list, and says how often it was asked.
PROGRAM = """#!{python}
import json, pathlib, sys
asked = pathlib.Path(__file__).with_name("asked")
number = int(asked.read_text()) if asked.exists() else 0
asked.write_text(str(number + 1))
answer = json.loads({answers!r})[number]
sys.exit("ERROR: connection refused") if answer is None else print(json.dumps({{"dependencies": answer}}))
"""


class Service:
    def __init__(self, folder: Path, *answers: list[dict[str, Any]] | None) -> None:
        self.program = folder / "bin" / "pip-audit"
        self.program.parent.mkdir()
        self.program.write_text(PROGRAM.format(python=sys.executable, answers=json.dumps(answers)))
        self.program.chmod(0o755)

    def audit(self) -> tuple[int, str]:
        made = subprocess.run([sys.executable, PROJECT / ".ci" / "audit", self.program], capture_output=True, text=True)
        assert not made.stderr
        return made.returncode, made.stdout.strip()

    @property
    def asked(self) -> int:
        return int(self.program.with_name("asked").read_text())


def test_what_is_known_fails(tmp_path: Path) -> None:
    flawed = {"name": "torch", "version": "2.13.0", "vulns": [FLAW]}
    status, said = Service(tmp_path, [CLEAN], [CLEAN, flawed]).audit()
    assert status == 1
    assert "torch 2.13.0: PYSEC-2026-1, mended in 9.0" in said


def test_nothing_known_is_asked_once_a_day(tmp_path: Path) -> None:
    service = Service(tmp_path, [CLEAN], [CLEAN, CLEAN])
    assert service.audit() == (0, "No known vulnerabilities in 2 packages.")
    assert service.audit() == (0, "No known vulnerabilities, asked earlier today.")
    assert service.asked == 2


@pytest.mark.parametrize("answer", [None, [UNKNOWN]])
def test_a_service_that_does_not_answer_stops_nobody_and_is_named(tmp_path: Path, answer: list[dict[str, Any]] | None) -> None:
    service = Service(tmp_path, answer)
    status, said = service.audit()
    assert (status, said[:11], service.asked) == (0, "NOT AUDITED", 1)


def test_one_that_breaks_off_in_the_middle_fails(tmp_path: Path) -> None:
    status, said = Service(tmp_path, [CLEAN], None).audit()
    assert (status, "broke off: ERROR: connection refused" in said) == (1, True)
