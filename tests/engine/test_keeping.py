"""A checkpoint that is written while training goes on holds the weights of its own moment."""

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from runs.contract.events import CheckpointDeleted, Fault, Outcome
from runs.contract.folder import RunFolder
from runs.engine import evaluation, models
from runs.engine.bins import Bin
from runs.engine.checkpoints import OPTIMIZER
from runs.engine.keeping import Keeper
from runs.engine.loss import Score
from runs.engine.methods import METHODS
from runs.engine.methods.full import Full
from runs.engine.reporting import Reporter
from runs.engine.training import Training
from tests.engine.folders import chats, lines, losses, make_run, train

SLOW = 0.5  # seconds


def run(path: Path) -> RunFolder:
    return make_run(
        path, chats(24), batch_size=6, training_duration="4ba", eval_interval="1ba", keep_checkpoints=4, learning_rate=1e-3
    )


def test_weights_do_not_change_under_a_checkpoint_and_rows_go_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, slow = run(tmp_path / "plain"), run(tmp_path / "slow")
    assert train(plain).outcome == Outcome.COMPLETED
    save, hidden_states = Full.save, models.hidden_states
    writing: list[tuple[float, float]] = []
    passes: list[float] = []

    def slowly(self: Full, *given: object) -> None:
        began = time.monotonic()
        time.sleep(SLOW)
        save(self, *given)  # type: ignore[arg-type]
        writing.append((began, time.monotonic()))

    def noted(model: object, packed: Bin) -> torch.Tensor:
        passes.append(time.monotonic())
        return hidden_states(model, packed)  # type: ignore[arg-type]

    monkeypatch.setattr(Full, "save", slowly)
    monkeypatch.setattr(models, "hidden_states", noted)
    assert train(slow).outcome == Outcome.COMPLETED
    assert losses(slow) == losses(plain)
    kept = sorted(path.name for path in plain.checkpoints.iterdir())
    assert len(kept) == 4
    for name in kept:
        for file in ("model.safetensors", OPTIMIZER):
            expected, found = (load_file(folder.checkpoints / name / file) for folder in (plain, slow))
            assert all(torch.equal(found[key], tensor) for key, tensor in expected.items()), f"{name}/{file}"
    assert all(any(began < at < ended for at in passes) for began, ended in writing[:-1])


def test_a_disk_that_fills_up_while_a_checkpoint_is_written_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, save = run(tmp_path / "run"), Full.save

    def full(self: Full, model: object, spec: object, place: Path) -> None:
        if place.name.endswith("-ba2"):
            raise OSError(28, "No space left on device")
        save(self, model, spec, place)  # type: ignore[arg-type]

    monkeypatch.setattr(Full, "save", full)
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.DISK)
    assert [path.name for path in folder.checkpoints.iterdir()] == ["ep0-ba1"]


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_checkpoint_whose_scores_are_no_numbers_goes_and_takes_no_good_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_paused: bool
) -> None:
    """Nor does it where somebody pauses the run in the evaluation before that one is done."""
    asked = {"batch_size": 6, "training_duration": "4ba", "eval_interval": "1ba", "keep_checkpoints": 1}
    folder = make_run(tmp_path / "run", chats(24), held_out=chats(2), **asked)
    scored = evaluation._score_all

    def spoiled(training: Training, *given: object) -> Score:
        if is_paused and training.step == 3 and not folder.pause.exists():
            folder.ask_to_pause(True)
        found = scored(training, *given)  # type: ignore[arg-type]
        return Score(math.nan, found.correct, found.targets) if training.step == 3 else found

    monkeypatch.setattr(evaluation, "_score_all", spoiled)
    end = train(folder)
    if is_paused:
        assert (end.outcome, end.step) == (Outcome.INTERRUPTED, 3)
        assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["ep0-ba2", "ep0-ba3"]
        is_paused = False
        folder.clear_for_restart()
        end = train(folder)
    assert (end.outcome, end.fault, end.step) == (Outcome.FAILED, Fault.DIVERGED, 3)
    assert [path.name for path in folder.checkpoints.iterdir()] == ["ep0-ba2"], "asked to keep one: the last good one"
    gone = {line.name for line in lines(folder) if isinstance(line, CheckpointDeleted)}
    assert gone == {"ep0-ba1", "ep0-ba3"}


def test_what_a_first_checkpoint_will_take_is_told_by_its_size(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    spec = folder.read_spec()
    keeper = Keeper(folder, Reporter(folder.events), METHODS["full"], spec)
    small, large = (SimpleNamespace(parameters={"weight": torch.empty(size, device="meta")}, spec=spec) for size in (9, 10**9))
    assert not keeper.is_too_slow(small, 0)  # type: ignore[arg-type]
    assert keeper.is_too_slow(small, 9)  # type: ignore[arg-type]
    assert keeper.is_too_slow(large, 0)  # type: ignore[arg-type]
    keeper.close()


def test_a_disk_that_fills_up_under_the_finished_model_is_given_back_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(tmp_path / "run")
    left = folder.path / ".tmp-model"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"of an engine that was killed")

    def full(_model: object, place: Path, _tokenizer: Path) -> None:
        if place.name != ".tmp-model":
            return write(_model, place, _tokenizer)  # type: ignore[arg-type]
        assert not place.exists()
        place.mkdir()
        (place / "model.safetensors").write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    write = models.write
    monkeypatch.setattr(models, "write", full)
    end = train(folder)
    assert (end.outcome, end.fault, end.step) == (Outcome.FAILED, Fault.DISK, 4)
    assert not left.exists()
    assert not folder.model.exists()


def test_a_checkpoint_of_another_specification_is_not_gone_on_from(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    assert train(folder).outcome == Outcome.COMPLETED
    spec = folder.read_spec()
    folder.write_spec(spec.model_copy(update={"hyperparameters": spec.hyperparameters.model_copy(update={"seed": 5})}))
    folder.clear_for_restart()
    end = train(folder)
    assert end.fault == Fault.DATA
    assert end.message == "ep1-ba4 was trained on other rows, or in another order, than spec.json says."
