"""The lock of a run folder: one engine at a time, and no engine after the run has ended."""

import threading
from pathlib import Path

from runs.contract.events import Exit, Outcome
from runs.contract.folder import RunFolder
from runs.engine.presence import take_lock
from runs.engine.reporting import now


def test_an_engine_waits_for_the_lock_of_one_that_is_just_dying(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    dying = take_lock(folder)
    assert dying is not None
    threading.Timer(0.3, dying.close).start()
    assert take_lock(folder) is not None


def test_an_engine_leaves_when_the_one_before_ended_the_run_meanwhile(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    other = take_lock(folder)
    assert other is not None

    def end() -> None:
        folder.write_exit(Exit(outcome=Outcome.COMPLETED, time=now()))
        other.close()

    threading.Timer(0.2, end).start()
    assert take_lock(folder) is None


def test_an_engine_leaves_when_another_one_trains(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    other = take_lock(folder)
    assert take_lock(folder, patience=0.1) is None
    assert other is not None
