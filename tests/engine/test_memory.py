"""A step that does not fit into memory is taken in smaller pieces: the same step, and the run goes on."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runs.contract.events import Evaluation, EventType, Fault, Milestone, Outcome, Sample
from runs.contract.folder import RunFolder
from runs.engine import checkpoints, evaluation, generation
from runs.engine.loss import Score
from runs.engine.training import Training
from tests.engine.folders import chats, lines, losses, make_run, train
from tests.tiny import write_tiny_model

WIDE = {"intermediate_size": 16_384}  # activations of 0.6 MB a token beside 12 MB of weights
UNKEPT = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_ARENA_MAX": "1"}  # what is free is not the process's any more
LIMITED = """
import resource, sys
from runs.engine import __main__, training
advance, room = training.Training.advance, int(sys.argv.pop())
def limited(self):
    if self.step == 0:
        return advance(self)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
    try:
        return advance(self)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
training.Training.advance = limited
sys.exit(__main__.main())
"""


def notes(folder: Path) -> list[str]:
    return [line.message for line in lines(folder) if isinstance(line, Milestone) and line.type == EventType.ADVICE]


def fails_above(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    """As if bins of more than `tokens` did not fit: torch's own words, from within the backward pass."""
    backward = Training._backward

    def limited(self, packed, scale):
        found = backward(self, packed, scale)
        if packed.ids.numel() > tokens:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return found

    monkeypatch.setattr(Training, "_backward", limited)


def test_bins_are_halved_and_the_losses_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, tight = (make_run(tmp_path / name, chats(24), training_duration="6ba", batch_size=6) for name in ("plain", "tight"))
    assert train(plain).outcome == Outcome.COMPLETED
    fails_above(monkeypatch, 200)
    assert train(tight).outcome == Outcome.COMPLETED
    assert losses(tight) == pytest.approx(losses(plain), abs=1e-4), "a half done attempt must leave no gradient behind"
    assert notes(tight) == [
        "The memory was not enough for 256 tokens at a time: from batch 1 on it is 128. "
        "The batch size is what it was, and no step was lost. "
        "A shorter context length or gradient checkpointing leaves more room."
    ]


def test_a_resumed_run_keeps_its_smaller_bins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run", chats(24), training_duration="6ba", batch_size=6, eval_interval="3ba")
    fails_above(monkeypatch, 200)
    assert train(folder).outcome == Outcome.COMPLETED
    shutil.rmtree(folder.checkpoints / "ep1-ba6")  # as if it had been lost after batch 3
    assert train(folder).outcome == Outcome.COMPLETED
    assert len(notes(folder)) == 1


def test_a_row_that_does_not_fit_alone_ends_the_run_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run", chats(8), training_duration="2ba")
    fails_above(monkeypatch, 10)
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.MEMORY)
    assert "context length" in end.advice


def test_a_real_process_at_its_limit_goes_on(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", **WIDE)
    for room in (140, 125, 110, 95):  # MiB; how much 512 tokens at a time need depends a little on the machine
        folder = make_run(
            tmp_path / f"run-{room}",
            chats(48),
            model=model,
            context_length=512,
            batch_size=16,
            training_duration="4ba",
            eval_interval="4ba",
        )
        command = [sys.executable, "-c", LIMITED, str(folder.path), str(room << 20)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | UNKEPT)
        assert done.returncode == 0, done.stderr[-3_000:]
        assert len(losses(folder)) == 4
        assert all(math.isfinite(loss) for loss in losses(folder).values())
        if notes(folder):
            break
    assert notes(folder)[0].startswith("The memory was not enough for 512 tokens at a time: from batch ")


def test_too_many_tokens_at_once_in_an_evaluation_are_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, tight = (
        make_run(tmp_path / name, chats(8), held_out=chats(12, start=50), training_duration="2ba")
        for name in ("plain", "tight")
    )
    assert train(plain).outcome == Outcome.COMPLETED
    score = evaluation.score

    def limited(hidden: torch.Tensor, *rest: torch.Tensor) -> Score:
        if len(hidden) > 40:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return score(hidden, *rest)

    monkeypatch.setattr(evaluation, "score", limited)
    assert train(tight).outcome == Outcome.COMPLETED
    found = [[line.loss for line in lines(folder) if isinstance(line, Evaluation)] for folder in (plain, tight)]
    assert found[1] == pytest.approx(found[0], abs=1e-4)
    assert notes(tight)[0].startswith(
        "The memory was not enough for 256 tokens at a time: from the evaluation after batch 0 on"
    )


def test_prompts_that_do_not_fit_side_by_side_are_answered_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = ("Which team?", "Who is it?", "Where?")
    plain, tight = (
        make_run(tmp_path / name, chats(8), prompts=prompts, training_duration="1ba") for name in ("plain", "tight")
    )
    assert train(plain).outcome == Outcome.COMPLETED
    answer = generation.answer

    def limited(model: object, renderer: object, asked: list[list[int]], *rest: object) -> list[str]:
        if len(asked) > 1:
            raise MemoryError
        return answer(model, renderer, asked, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(generation, "answer", limited)
    assert train(tight).outcome == Outcome.COMPLETED
    said = [[(line.index, line.answer) for line in lines(folder) if isinstance(line, Sample)] for folder in (plain, tight)]
    assert said[0] == said[1]
    assert len(said[1]) == 6


def test_an_engine_that_was_killed_for_memory_begins_with_less_at_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", chats(24), batch_size=6, training_duration="3ba", eval_interval="3ba")
    folder.halve()
    folder.halve()
    assert folder.halved == 2
    assert train(folder).outcome == Outcome.COMPLETED
    assert '"capacity":64' in (folder.checkpoints / "ep0-ba3" / "state.json").read_text()


def one_step_more(folder: RunFolder) -> int | None:
    """Bound of a bin after the run was started again, to go one step farther."""
    spec = folder.read_spec()
    longer = spec.hyperparameters.model_copy(update={"training_duration": "3ba", "schedule": "constant"})
    folder.write_spec(spec.model_copy(update={"hyperparameters": longer}))
    folder.clear_for_restart()
    assert train(folder).outcome == Outcome.COMPLETED
    return bound(folder, 3)


def bound(folder: RunFolder, step: int) -> int | None:
    return checkpoints.read(folder.checkpoints / f"ep0-ba{step}").state.capacity


@pytest.fixture
def halved(tmp_path: Path) -> RunFolder:
    """Two steps of four were done with half as much at once, because the kernel had killed the engine."""
    folder = make_run(
        tmp_path / "run", chats(4), context_length=256, batch_size=1, training_duration="2ba", eval_interval="1ba"
    )
    folder.halve()
    assert train(folder).outcome == Outcome.COMPLETED
    return folder


def test_each_kill_for_memory_halves_what_a_step_really_has(halved: RunFolder) -> None:
    """The bound alone says nothing: a step may be smaller, and the engine may have halved it already."""
    first = bound(halved, 2)
    assert first is not None
    assert first < 256 // 2, "half of the longest row"
    halved.halve()
    assert one_step_more(halved) == first // 2


def test_what_a_checkpoint_of_an_earlier_version_has_is_not_halved_again(halved: RunFolder) -> None:
    for path in halved.checkpoints.iterdir():
        state = json.loads((path / checkpoints.STATE).read_text())
        del state["halved"]
        (path / checkpoints.STATE).write_text(json.dumps(state))
        (path / checkpoints.DIGEST).write_text(json.dumps(checkpoints._digests(path)))
    assert one_step_more(halved) == bound(halved, 2)
