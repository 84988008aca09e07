"""Lines that readers can trust: whole, parseable, no milestone twice."""

import math
import os
import time
from pathlib import Path

import pytest
import torch

from runs.contract.events import Evaluation, EventType, Exit, Fault, Outcome, Phase, Resumed, parse_line
from runs.contract.folder import RunFolder
from runs.engine.__main__ import _say_last
from runs.engine.failure import Failure, explain, failed
from runs.engine.pace import Pace, Speed
from runs.engine.reporting import Reporter, now


def test_each_line_is_written_with_its_newline(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "events.jsonl")
    reporter.say(Resumed(time=now(), step=3))
    reporter.milestone(EventType.TRAIN_STARTED, "Training started.")
    content = (tmp_path / "events.jsonl").read_bytes()
    assert content.endswith(b"\n")
    assert [parse_line(line).kind for line in content.splitlines()] == ["resumed", "milestone"]


def test_a_disk_that_takes_half_a_line_keeps_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = Reporter(tmp_path / "events.jsonl")
    reporter.say(Resumed(time=now(), step=3))
    whole, write = (tmp_path / "events.jsonl").read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, said: write(file, said[:10]))
    with pytest.raises(OSError, match="No space left"):
        reporter.say(Resumed(time=now(), step=4))
    assert (tmp_path / "events.jsonl").read_bytes() == whole


def test_the_last_word_waits_for_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, replace = RunFolder(tmp_path), Path.replace
    refusals = [OSError(28, "No space left on device")] * 2

    def full(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    _say_last(folder, Exit(outcome=Outcome.COMPLETED, time=now(), step=3))
    assert not refusals
    said = folder.read_exit()
    assert said is not None
    assert said.step == 3


def test_infinity_survives_the_file(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "events.jsonl")
    reporter.say(Evaluation(time=now(), step=0, epoch=0, tokens=0, loss=900, perplexity=math.inf, token_accuracy=0))
    line = parse_line((tmp_path / "events.jsonl").read_bytes())
    assert isinstance(line, Evaluation)
    assert line.perplexity == math.inf


def test_a_milestone_is_said_once_even_by_the_engine_that_goes_on(tmp_path: Path) -> None:
    for _ in range(2):
        reporter = Reporter(tmp_path / "events.jsonl")
        reporter.milestone(EventType.DATA_VALIDATED, "Training data validated.")
        reporter.milestone(EventType.DATA_VALIDATED, "Training data validated.")
    assert (tmp_path / "events.jsonl").read_bytes().count(b"\n") == 1
    assert reporter.goes_on


def test_a_torn_last_line_is_cut_off_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Reporter(path).say(Resumed(time=now(), step=1))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time":"2026-')
    Reporter(path).say(Resumed(time=now(), step=2))
    said = [parse_line(line) for line in path.read_bytes().splitlines()]
    assert [line.step for line in said if isinstance(line, Resumed)] == [1, 2]


def test_progress_is_not_said_for_every_row(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "events.jsonl")
    for done in range(1, 1_001):
        reporter.progress(Phase.DATA, "tokenizing", done, 1_000, "rows")
    said = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert 2 <= len(said) < 20
    assert b'"done":1000' in said[-1]


def test_memory_that_is_not_there_is_called_so() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert explain(caught.value).fault == Fault.MEMORY
    assert explain(MemoryError()).fault == Fault.MEMORY


def test_a_full_disk_is_called_so() -> None:
    assert explain(OSError(28, "No space left on device")).fault == Fault.DISK
    assert explain(RuntimeError("I/O error: No space left on device (os error 28)")).fault == Fault.DISK


def test_the_unexpected_says_what_and_where() -> None:
    try:
        raise KeyError("weights")
    except KeyError as error:
        end = failed(error, step=7)
    assert (end.outcome, end.fault, end.step) == (Outcome.FAILED, Fault.ENGINE, 7)
    assert "KeyError: 'weights' (test_reporting.py:" in end.message
    assert end.advice


def test_a_refusal_of_our_own_keeps_its_words() -> None:
    end = failed(Failure(Fault.DATA, "No rows.", "Add some."), step=0)
    assert (end.fault, end.message, end.advice) == (Fault.DATA, "No rows.", "Add some.")


def test_the_time_left_has_room_for_the_evaluations_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    pace = Pace(tokens=0, total_tokens=1_000, pause=30.0)
    clock[0] = 2.0
    assert pace.step(100, 4, pauses_left=3).seconds_left == 18.0 + 3 * 30.0
    clock[0] = 12.0
    pace.skip(is_pause=True)
    clock[0] = 14.0
    assert pace.step(200, 8, pauses_left=2).seconds_left == 16.0 + 2 * 20.0, "the mean of those seen"
    pace.skip()
    clock[0] = 16.0
    assert pace.step(300, 12, pauses_left=2).seconds_left == 14.0 + 2 * 20.0


def test_pace_counts_tokens_and_leaves_evaluations_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    pace = Pace(tokens=0, total_tokens=1_000)
    clock[0] = 2.0
    assert pace.step(100, 4) == Speed(tokens=50.0, batches=0.5, rows=2.0, seconds_left=18.0)
    clock[0] = 60.0  # an evaluation
    pace.skip()
    clock[0] = 62.0
    assert pace.step(200, 8) == Speed(tokens=50.0, batches=0.5, rows=3.0, seconds_left=16.0)
