"""Checkpoints are whole or passed over."""

import os
from pathlib import Path

import pytest

from runs.contract.events import Fault
from runs.engine import checkpoints
from runs.engine.checkpoints import State, Stored
from runs.engine.failure import Failure


def write(folder: Path, step: int, *, for_recovery: bool = False, content: bytes = b"weights") -> Stored:
    state = State(
        step=step, epoch=step / 10, tokens=step * 100, seed=17, data_digest="sha256:0", random_cpu="", for_recovery=for_recovery
    )
    return checkpoints.complete(checkpoints.begin(folder, state, lambda path: _fill(path, content), len(content)))


def _fill(path: Path, content: bytes) -> None:
    (path / "model.safetensors").write_bytes(content)


def test_names_count_completed_epochs_and_batches() -> None:
    assert [checkpoints.name(step, step / 30) for step in (1, 30, 59, 60)] == ["ep0-ba1", "ep1-ba30", "ep1-ba59", "ep2-ba60"]


def test_what_is_written_is_found_again(tmp_path: Path) -> None:
    written = write(tmp_path, 10)
    found, torn = checkpoints.newest(tmp_path)
    assert found == written
    assert torn == []
    assert found.path.name == "ep1-ba10"
    assert found.digest.startswith("sha256:")
    assert found.bytes == sum(file.stat().st_size for file in found.path.iterdir())


def test_the_newest_is_the_one_with_the_most_batches(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        write(tmp_path, step)
    found, _ = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.state.step == 100


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "no digest", "no state", "empty digest"])
def test_a_torn_one_is_passed_over_for_the_one_before(tmp_path: Path, damage: str) -> None:
    good, torn = write(tmp_path, 10), write(tmp_path, 20).path
    match damage:
        case "truncated":
            os.truncate(torn / "model.safetensors", 3)
        case "changed":
            (torn / "model.safetensors").write_bytes(b"Weights")
        case "missing":
            (torn / "model.safetensors").unlink()
        case "no digest":
            (torn / "digest.json").unlink()
        case "no state":
            (torn / "state.json").unlink()
        case "empty digest":
            (torn / "digest.json").write_bytes(b"")
    assert checkpoints.newest(tmp_path) == (good, [torn])


def test_leftovers_of_an_interrupted_writing_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".tmp-ep1-ba10").mkdir()
    (tmp_path / ".tmp-ep1-ba10" / "model.safetensors").write_bytes(b"half")
    assert checkpoints.newest(tmp_path) == (None, [])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writing_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    good = write(tmp_path, 10)

    def fail(path: Path) -> None:
        (path / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        checkpoints.begin(tmp_path, good.state.model_copy(update={"step": 20}), fail, expected_bytes=1)
    assert [path.name for path in tmp_path.iterdir()] == ["ep1-ba10"]
    assert checkpoints.newest(tmp_path) == (good, [])


def test_too_little_room_is_noticed_before_writing(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"needs 1000000000\.00 GB and the disk has") as refusal:
        checkpoints.check_room(tmp_path, 10**18)
    assert refusal.value.fault == Fault.DISK
    checkpoints.check_room(tmp_path, 1)


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        write(tmp_path, step)
    assert [path.name for path in checkpoints.superseded(tmp_path, keep=2)] == ["ep2-ba20", "ep1-ba10"]


def test_one_for_recovery_lasts_until_the_next_and_takes_nobodys_place(tmp_path: Path) -> None:
    for step in (10, 20):
        write(tmp_path, step)
    write(tmp_path, 25, for_recovery=True)
    assert checkpoints.superseded(tmp_path, keep=2) == []
    assert checkpoints.superseded(tmp_path, keep=1) == [tmp_path / "ep1-ba10"]
    assert checkpoints.superseded(tmp_path, 1, {10: 1.0, 20: 2.0}) == [tmp_path / "ep2-ba20"]
    write(tmp_path, 27, for_recovery=True)
    assert checkpoints.superseded(tmp_path, keep=2) == [tmp_path / "ep2-ba25"]


def test_a_torn_one_between_whole_ones_is_let_go(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        write(tmp_path, step)
    (tmp_path / "ep2-ba20" / "state.json").unlink()
    assert checkpoints.superseded(tmp_path, keep=2) == [tmp_path / "ep2-ba20"]


def test_the_best_are_kept_and_the_newest_to_go_on_from(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40, 50):
        write(tmp_path, step)
    losses = {10: 2.0, 20: 1.0, 30: 1.0, 40: 3.0}
    assert [path.name for path in checkpoints.superseded(tmp_path, 1, losses)] == ["ep3-ba30", "ep1-ba10", "ep4-ba40"]
    assert [path.name for path in checkpoints.superseded(tmp_path, 2, losses | {50: 9.0})] == ["ep1-ba10", "ep4-ba40"]


def test_what_is_noted_is_no_checkpoint_before_it_is_complete(tmp_path: Path) -> None:
    good = write(tmp_path, 10)
    beside = checkpoints.begin(tmp_path, good.state.model_copy(update={"step": 20}), lambda path: _fill(path, b"later"), 5)
    assert beside.name == ".tmp-ep1-ba20"
    assert checkpoints.newest(tmp_path) == (good, [])
    assert not beside.exists(), "what an engine that died had noted is swept away"
