"""A probe on a tiny model: all that a run does is done once and timed; out of memory is told."""

from pathlib import Path

import pytest

from runs.contract.events import Fault, Outcome
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from runs.engine.probe import Probing
from runs.engine.training import Training
from tests.engine.folders import chats, make_run, texts, train


def probe(folder: RunFolder) -> RunFolder:
    folder.probe.touch()
    assert train(folder).outcome == Outcome.COMPLETED
    return folder


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_part_of_a_run_has_its_cost(tmp_path: Path, method: str) -> None:
    folder = make_run(tmp_path / "run", chats(40), held_out=chats(6, start=90), prompts=("Which team?",), method=method)
    found = probe(folder).read_probe()
    assert found is not None
    assert found.steps >= 3
    assert found.tokens_at_once == 256
    for part in ("begin", "row", "step", "token", "evaluation", "checkpoint", "finish"):
        assert getattr(found, part).clock > 0, part
        assert getattr(found, part).cpu > 0, part
    assert found.memory_bytes > 100 << 20
    assert 0 < found.busy <= 1


def test_the_whole_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    found = probe(make_run(tmp_path / "run", texts(20), task=TaskType.CONTINUED_PRETRAIN)).read_probe()
    assert found is not None
    once = found.whole(rows=20, tokens=1_000, steps=4, evaluations=1, checkpoints=1)
    more = found.whole(rows=20, tokens=3_000, steps=12, evaluations=1, checkpoints=1)
    assert more.cpu - once.cpu == pytest.approx(2_000 * found.token.cpu + 8 * found.step.cpu)
    low, high = found.bounds(100.0)
    assert low <= 95.0
    assert high >= 105.0


def test_too_little_memory_is_what_a_probe_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run", chats(8))
    folder.probe.touch()

    def starved(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(Training, "_backward", starved)
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.MEMORY)
    assert folder.read_probe() is None


def test_a_part_of_the_rows_stands_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probing, "most_rows", 10)
    folder = make_run(tmp_path / "run", chats(40))
    probe(folder)
    assert '"rows":10,' in folder.events.read_text()
