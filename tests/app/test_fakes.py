"""The fake launcher keeps the promises of the real one."""

import socket
import time
from pathlib import Path

import pytest

from runs.contract import starving
from runs.contract.folder import RunFolder
from runs.execution.launcher import Launcher, LaunchFailed
from runs.execution.local import LocalLauncher
from tests.fakes import FakeLauncher


@pytest.fixture(params=[FakeLauncher, LocalLauncher])
def any_launcher(request: pytest.FixtureRequest) -> Launcher:
    made: Launcher = request.param()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def test_nothing_is_alive_before_the_start(any_launcher: Launcher, folder: RunFolder) -> None:
    assert not any_launcher.is_alive(folder)
    any_launcher.interrupt(folder)


def test_a_started_engine_is_written_down_and_alive(any_launcher: Launcher, folder: RunFolder) -> None:
    any_launcher.start(folder)
    engine = folder.read_engine()
    assert engine
    assert engine.host == socket.gethostname()
    assert abs(engine.started - time.time()) < 60
    assert any_launcher.is_alive(folder)
    assert folder.log.exists()
    any_launcher.interrupt(folder)


def test_an_engine_that_lives_was_not_starved(any_launcher: Launcher, folder: RunFolder) -> None:
    assert not any_launcher.was_starved(folder)
    any_launcher.start(folder)
    assert not any_launcher.was_starved(folder)
    any_launcher.kill(folder)


def test_the_kernels_count_tells_what_ended_an_engine(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("low 0\noom 3\noom_kill 3\n")
    monkeypatch.setattr(starving, "COUNTERS", (tmp_path / "missing", counter))
    real = LocalLauncher()
    real.start(folder)
    real.kill(folder)
    assert not real.was_starved(folder), "somebody else killed it"
    counter.write_text("low 0\noom 4\noom_kill 4\n")
    assert real.was_starved(folder)


def test_a_killed_engine_is_not_alive(any_launcher: Launcher, folder: RunFolder) -> None:
    any_launcher.kill(folder)
    any_launcher.start(folder)
    any_launcher.kill(folder)
    assert not any_launcher.is_alive(folder)
    assert folder.read_exit() is None, "it had no last word"


def test_without_a_folder_there_is_no_start_and_a_reason(any_launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(LaunchFailed, match="No such file"):
        any_launcher.start(RunFolder(tmp_path / "nowhere"))
