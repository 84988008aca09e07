"""Real engine processes, really killed: a run that was interrupted anywhere ends with the same weights as one that was not.

What nobody kills is trained within the test's own process, which has imported everything already; one test goes on in a process
of its own, as the product does.
"""

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from runs.contract.events import (
    Checkpoint,
    CheckpointDeleted,
    Evaluation,
    EventType,
    Exit,
    Fault,
    Line,
    Milestone,
    Outcome,
    Plan,
    Resumed,
    Step,
)
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from runs.engine import checkpoints, keeping
from runs.engine.__main__ import train as engine_train
from runs.engine.reporting import Reporter
from runs.engine.wishes import Wishes
from tests.engine.folders import Engine, Row, chats, instructions, lines, losses, make_run, texts, train

STEPS = 60
SETTINGS = {"training_duration": f"{STEPS}ba", "eval_interval": "7ba", "batch_size": 4, "keep_checkpoints": 2}
ROWS: dict[TaskType, list[Row]] = {
    TaskType.CHAT_COMPLETION: chats(30),
    TaskType.INSTRUCTION_FINETUNE: instructions(30),
    TaskType.CONTINUED_PRETRAIN: texts(200),
}


def run(path: Path, task: TaskType = TaskType.CHAT_COMPLETION, **settings: Any) -> RunFolder:
    """Some 8 steps an epoch, so that checkpoints at 7, 14, ... lie in the middle of epochs."""
    held_out = ROWS[task][:4]
    return make_run(path, ROWS[task], task=task, held_out=held_out, **{**SETTINGS, "context_length": 256, **settings})


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[TaskType, RunFolder]:
    """The same runs without any interruption."""
    folders = {task: run(tmp_path_factory.mktemp(task.value.lower()), task) for task in ROWS}
    for folder in folders.values():
        assert train(folder).outcome == Outcome.COMPLETED
    return folders


def assert_same(interrupted: RunFolder, straight: RunFolder) -> None:
    assert losses(interrupted) == losses(straight)
    assert (interrupted.model / "model.safetensors").read_bytes() == (straight.model / "model.safetensors").read_bytes()
    evaluations = [
        {line.step: line.loss for line in lines(folder) if isinstance(line, Evaluation)} for folder in (interrupted, straight)
    ]
    assert evaluations[0] == evaluations[1]


def resumed(folder: RunFolder) -> list[int]:
    return [line.step for line in lines(folder) if isinstance(line, Resumed)]


@pytest.mark.parametrize("task", ROWS)
def test_kill_9_in_mid_epoch(tmp_path: Path, straight: dict[TaskType, RunFolder], task: TaskType) -> None:
    folder = run(tmp_path, task)
    steps = (11, 31) if task == TaskType.CHAT_COMPLETION else (11,)
    for step in steps:
        engine = Engine(folder)
        engine.wait_for_checkpoint(step // 7 * 7)
        engine.wait_for_step(step)
        engine.kill()
        assert folder.read_exit() is None
    end = Engine(folder).end() if task == TaskType.CHAT_COMPLETION else train(folder)
    assert end.outcome == Outcome.COMPLETED
    assert_same(folder, straight[task])
    places = resumed(folder)
    assert places == sorted(set(places))
    assert len(places) == len(steps)
    assert all(place >= 7 and place % 7 == 0 for place in places)


def test_kill_9_with_dropout_and_with_several_bins_a_step(tmp_path: Path) -> None:
    """A context of 64 tokens makes a step of four bins, whose gradients are summed up; dropout draws on chance in each."""
    asked = {"method": "lora", "lora_rank": 4, "lora_dropout": 0.3, "context_length": 64, "training_duration": "20ba"}
    straight, folder = (run(tmp_path / name, TaskType.CONTINUED_PRETRAIN, **asked) for name in ("straight", "killed"))
    assert train(straight).outcome == Outcome.COMPLETED
    engine = Engine(folder)
    engine.wait_for_checkpoint(7)
    engine.kill()
    assert train(folder).outcome == Outcome.COMPLETED
    assert_same(folder, straight)
    assert resumed(folder)[0] % 7 == 0


def test_kill_9_before_the_first_checkpoint(tmp_path: Path, straight: dict[TaskType, RunFolder]) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for(lambda: any(isinstance(line, Plan) for line in lines(folder)))
    engine.kill()
    assert train(folder).outcome == Outcome.COMPLETED
    assert_same(folder, straight[TaskType.CHAT_COMPLETION])


def test_kill_9_while_a_checkpoint_is_written(tmp_path: Path, straight: dict[TaskType, RunFolder]) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_step(20)
    engine.wait_for(lambda: any(path.name.startswith(".tmp-ep") for path in folder.checkpoints.iterdir()))
    engine.kill()
    assert train(folder).outcome == Outcome.COMPLETED
    assert_same(folder, straight[TaskType.CHAT_COMPLETION])
    assert not list(folder.checkpoints.glob(".tmp-*"))


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, straight: dict[TaskType, RunFolder]) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_checkpoint(14)
    engine.kill()
    good, _ = checkpoints.newest(folder.checkpoints)
    assert good is not None
    torn = good.path.with_name(f"ep9-ba{good.state.step + 1}")
    torn.mkdir()
    for file in good.path.iterdir():
        os.link(file, torn / file.name)
    (torn / "optimizer.safetensors").unlink()
    (torn / "optimizer.safetensors").write_bytes(b"half of it")
    assert train(folder).outcome == Outcome.COMPLETED
    assert resumed(folder) == [good.state.step]
    assert torn.name in [line.name for line in lines(folder) if isinstance(line, CheckpointDeleted)]
    assert_same(folder, straight[TaskType.CHAT_COMPLETION])


def test_sigterm_keeps_a_checkpoint_and_leaves_within_ten_seconds(tmp_path: Path, straight: dict[TaskType, RunFolder]) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_step(10)
    engine.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    end = engine.end()
    assert time.monotonic() - started < 10
    assert (end.outcome, engine.process.returncode) == (Outcome.INTERRUPTED, 0)
    kept, _ = checkpoints.newest(folder.checkpoints)
    assert kept is not None
    assert kept.state.step == end.step >= 10
    assert f"after batch {end.step}" in end.message

    folder.clear_for_restart()
    assert train(folder).outcome == Outcome.COMPLETED
    assert resumed(folder) == [end.step]
    assert_same(folder, straight[TaskType.CHAT_COMPLETION])
    assert kept.state.for_recovery == (end.step % 7 != 0)
    assert len(list(folder.checkpoints.iterdir())) == 2


def test_a_person_stops_a_run_and_keeps_a_model(tmp_path: Path) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_step(3)
    folder.stop.touch()
    end = engine.end()
    assert end.outcome == Outcome.STOPPED
    stored, _ = checkpoints.newest(folder.checkpoints)
    assert stored is not None
    assert stored.state.step == end.step >= 3
    assert not stored.state.for_recovery
    assert [line.step for line in lines(folder) if isinstance(line, Checkpoint)][-1] == end.step
    assert not folder.model.exists()


def test_a_person_pauses_a_run_and_it_keeps_its_place(tmp_path: Path) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_step(3)
    folder.ask_to_pause(True)
    end = engine.end()
    assert end.outcome == Outcome.INTERRUPTED, "as when the machine goes down: the same run goes on later"
    stored, _ = checkpoints.newest(folder.checkpoints)
    assert stored is not None
    assert stored.state.step == end.step >= 3


def leaving(path: Path, patch: pytest.MonkeyPatch, wish: Callable[[Wishes], object]) -> tuple[Exit, list[int]]:
    """A run of which somebody wishes something after its fifth step, on a disk that takes a minute for a checkpoint."""
    folder = make_run(path, chats(24), training_duration="9ba", eval_interval="3ba", batch_size=4)
    wishes, say = Wishes(folder), Reporter.say

    def listen(self: Reporter, line: Line) -> None:
        if isinstance(line, Step) and line.step == 5:
            wish(wishes)
        say(self, line)

    patch.setattr(keeping.Keeper, "_seconds", property(lambda _: 60.0, lambda *_: None), raising=False)
    patch.setattr(Reporter, "say", listen)
    return engine_train(folder, wishes), sorted(checkpoints.step_of(path) for path in folder.checkpoints.iterdir())


def test_a_pause_has_the_time_for_a_checkpoint_that_a_sigterm_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end, kept = leaving(tmp_path / "pause", monkeypatch, lambda wishes: wishes._pause.touch())
    assert (end.outcome, end.step, kept[-1]) == (Outcome.INTERRUPTED, 5, 5)
    end, kept = leaving(tmp_path / "sigterm", monkeypatch, lambda wishes: setattr(wishes, "interrupted", True))
    assert (end.outcome, end.step, kept[-1]) == (Outcome.INTERRUPTED, 3, 3)
    assert end.message == "Interrupted after batch 5, to go on after batch 3."


def test_a_run_that_is_stopped_before_it_starts_says_so(tmp_path: Path) -> None:
    folder = run(tmp_path)
    folder.stop.touch()
    end = train(folder)
    assert (end.outcome, end.step) == (Outcome.STOPPED, 0)


def test_no_milestone_is_doubled_and_a_finished_run_finishes_again(tmp_path: Path) -> None:
    folder = run(tmp_path)
    engine = Engine(folder)
    engine.wait_for_step(20)
    engine.kill()
    assert train(folder).outcome == Outcome.COMPLETED
    model = (folder.model / "model.safetensors").read_bytes()
    folder.clear_for_restart()
    assert train(folder).outcome == Outcome.COMPLETED  # as when the worker missed the end
    assert (folder.model / "model.safetensors").read_bytes() == model
    types = [line.type for line in lines(folder) if isinstance(line, Milestone)]
    assert types == [EventType.DATA_VALIDATED, EventType.MODEL_INITIALIZED, EventType.TRAIN_STARTED, EventType.TRAIN_FINISHED]


def test_recovery_checkpoints_come_by_the_clock_and_go_with_the_next(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(8), training_duration="30ba", eval_interval="30ba", recovery_minutes=0.0001)
    assert train(folder).outcome == Outcome.COMPLETED
    written = [line.step for line in lines(folder) if isinstance(line, Checkpoint)]
    assert len(written) > 3
    assert written[-1] == 30
    assert [path.name for path in folder.checkpoints.iterdir()] == ["ep15-ba30"]


def test_a_second_engine_leaves(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(30), **{**SETTINGS, "training_duration": "2000ba"})
    engine = Engine(folder)
    engine.wait_for_step(1)
    second = Engine(folder)
    assert second.process.wait(20) == 3
    assert "another engine is training" in engine.log
    assert folder.read_exit() is None
    assert engine.process.poll() is None
    known = folder.read_engine()
    assert known is not None
    assert known.pid == engine.process.pid
    assert known.started == pytest.approx(psutil.Process(engine.process.pid).create_time(), abs=0.1)
    folder.stop.touch()
    assert engine.end().outcome == Outcome.STOPPED


def test_the_heart_beats_and_the_engine_corrects_who_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(30), **{**SETTINGS, "training_duration": "5000ba"})
    engine = Engine(folder)
    engine.wait_for_step(1)
    known, beat = folder.read_engine(), folder.heartbeat.stat().st_mtime
    assert known is not None
    folder.write_engine(known.model_copy(update={"pid": 1}))  # as a second start does before it is sent away
    engine.wait_for(lambda: folder.heartbeat.stat().st_mtime > beat and folder.read_engine() == known)
    engine.kill()


def test_a_full_disk_fails_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(30), **{**SETTINGS, "training_duration": "500ba"})
    engine = Engine(folder)
    engine.wait_for(lambda: any(isinstance(line, Checkpoint) for line in lines(folder)))
    resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (120_000, 120_000))  # bytes; the weights take more
    end = engine.end()
    assert (end.outcome, end.fault, engine.process.returncode) == (Outcome.FAILED, Fault.DISK, 1)
    assert "disk" in end.message
    kept, torn = checkpoints.newest(folder.checkpoints)
    assert kept is not None
    assert torn == []


def test_a_failed_run_writes_its_last_word_and_an_exit_status(tmp_path: Path) -> None:
    folder = make_run(tmp_path, [])
    engine = Engine(folder)
    assert engine.end().fault == Fault.DATA
    assert engine.process.returncode == 1
