"""Completion in the shells themselves, where they are installed: typed on a terminal, with a tab."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from finetuning_ui.client.cli import parser
from finetuning_ui.client.completion import script

CASES = [("ftui cre", "ftui create "), ("ftui create --task-type INS", "ftui create --task-type INSTRUCTION_FINETUNE ")]


def typed(shell: list[str], path: Path, line: str, wanted: str, seconds: float = 60) -> str:
    """What stands on the terminal after `line` and a tab."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "dumb"
        os.execvp(shell[0], shell)
    seen, asked, until = "", False, time.monotonic() + seconds
    os.write(terminal, f"source {path}; echo re''ady\n".encode())
    while wanted not in seen and time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4_096).decode(errors="replace")
        if not asked and "ready" in seen:
            asked, seen = True, ""
            os.write(terminal, f"{line}\t".encode())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)
    return seen


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_zsh(line: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "ftui.zsh"
    path.write_text(script("zsh", parser()))
    assert wanted in typed(["zsh", "-f", "-i"], path, line, wanted)


@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash(line: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "ftui.bash"
    path.write_text(script("bash", parser()))
    assert wanted in typed(["bash", "--norc", "-i"], path, line, wanted)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish(line: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "ftui.fish"
    path.write_text(script("fish", parser()))
    made = subprocess.run(["fish", "-c", f"source {path}; complete -C '{line}'"], capture_output=True, text=True, check=True)
    assert not made.stderr
    assert made.stdout.split("\t")[0].split() == wanted.split()[-1:]


def test_what_fish_reads_has_its_quotes_in_order() -> None:
    """A description with an apostrophe once kept fish from reading any of it."""
    for line in script("fish", parser()).splitlines():
        assert line.replace("\\'", "").count("'") % 2 == 0, line
