"""What a run is made of is noted at its first start; whether it still is, is looked at when it goes on or is run again."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from runs.contract.events import EventType, Exit, Fault, Milestone, Outcome
from runs.contract.folder import RunFolder
from runs.contract.provenance import Provenance
from tests.engine.folders import chats, lines, losses, make_run, train
from tests.tiny import tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A base model that a test may change."""
    return Path(shutil.copytree(tiny_model(), tmp_path / "base"))


def noted(folder: RunFolder) -> Provenance:
    found = folder.read_spec().provenance
    assert found is not None
    return found


def again(folder: RunFolder, **changed: Any) -> Exit:
    """Start once more; `changed` are fields of what was noted at the first start."""
    spec = folder.read_spec()
    folder.write_spec(spec.model_copy(update={"provenance": noted(folder).model_copy(update=changed)}))
    folder.clear_for_restart()
    return train(folder)


def advice(folder: RunFolder) -> list[str]:
    return [line.message for line in lines(folder) if isinstance(line, Milestone) and line.type == EventType.ADVICE]


def test_the_first_start_notes_files_versions_and_processor(tmp_path: Path, model: Path) -> None:
    (model / "README.md").write_text("Read by people, not by the engine.")
    folder = make_run(tmp_path / "run", chats(4), model=model, training_duration="1ba")
    assert train(folder).outcome == Outcome.COMPLETED
    found = noted(folder)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(found.base_model)
    assert "README.md" not in found.base_model
    for name, digest in found.base_model.items():
        assert digest == f"sha256:{hashlib.sha256((model / name).read_bytes()).hexdigest()}"
    assert found.versions["torch"] == torch.__version__
    assert found.processor
    assert not found.custom_weights


def test_the_specification_run_again_elsewhere_gives_the_same_losses(tmp_path: Path) -> None:
    first = make_run(tmp_path / "first", chats(12), training_duration="2ep", lora_dropout=0.1, method="lora")
    train(first)
    second = RunFolder(tmp_path / "second")
    second.create()
    second.write_spec(first.read_spec())
    assert train(second).outcome == Outcome.COMPLETED
    assert losses(second) == losses(first)
    assert not advice(second)


def test_rows_that_changed_after_they_were_checked_are_not_trained_on(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", chats(4), training_duration="1ba")
    data = folder.read_spec().train.path
    data.write_text(data.read_text().replace("hardware", "software"))
    end = train(folder)
    assert end.outcome == Outcome.FAILED
    assert end.fault == Fault.DATA
    assert str(data) in end.message


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_run_does_not_go_on_with_another_base_model(tmp_path: Path, model: Path, name: str) -> None:
    folder = make_run(tmp_path / "run", chats(4), model=model, training_duration="1ba")
    train(folder)
    times = (model / name).stat()
    changed = bytearray((model / name).read_bytes())
    changed[-2] ^= 1 if name.endswith("safetensors") else 0
    (model / name).write_bytes(bytes(changed) + (b"" if name.endswith("safetensors") else b"\n"))
    os.utime(model / name, ns=(times.st_atime_ns, times.st_mtime_ns))
    end = again(folder)
    assert end.fault == Fault.MODEL
    assert end.message == f"The base model changed since the run began: {name}."
    assert "start a new run" in end.advice


def test_weights_that_it_started_from_may_be_gone_but_not_changed(tmp_path: Path, model: Path) -> None:
    folder = make_run(tmp_path / "run", chats(4), custom_weights=model, training_duration="1ba", eval_interval="1ba")
    train(folder)
    assert noted(folder).custom_weights.keys() >= {"config.json", "model.safetensors"}
    (model / "config.json").write_text((model / "config.json").read_text() + "\n")
    assert "weights that the run started from changed" in again(folder).message
    shutil.rmtree(model)
    assert again(folder).outcome == Outcome.COMPLETED


def test_of_an_adapter_also_what_it_says_of_itself_and_what_lies_below_is_noted(tmp_path: Path, model: Path) -> None:
    asked = {"training_duration": "1ba", "eval_interval": "1ba", "method": "lora", "learning_rate": 1e-2}
    first = make_run(tmp_path / "first", chats(4), custom_weights=model, **asked)
    train(first)
    adapter = first.checkpoints / "ep1-ba1"
    second = make_run(tmp_path / "second", chats(4), custom_weights=adapter, **asked)
    train(second)
    assert {"adapter_model.safetensors", "adapter_config.json", "base/model.safetensors"} <= noted(second).custom_weights.keys()
    config = adapter / "adapter_config.json"
    config.write_text(config.read_text().replace('"lora_alpha": 32', '"lora_alpha": 320'))
    assert again(second).message == "The weights that the run started from changed since the run began: adapter_config.json."
    config.write_text(config.read_text().replace('"lora_alpha": 320', '"lora_alpha": 32'))
    for file in model.glob("*.safetensors"):
        file.unlink()
    assert again(second).fault == Fault.MODEL, "LoRA needs them, and says so itself"
    assert "changed since" not in again(second).message


def test_a_run_that_began_without_noting_it_does_not_claim_it_later(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", chats(4), training_duration="1ba", eval_interval="1ba")
    train(folder)
    folder.write_spec(folder.read_spec().model_copy(update={"provenance": None}))
    folder.clear_for_restart()
    assert train(folder).outcome == Outcome.COMPLETED
    assert folder.read_spec().provenance is None


def test_other_versions_or_another_processor_are_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", chats(4), training_duration="1ba")
    train(folder)
    earlier = noted(folder).versions | {"torch": "1.0"}
    assert again(folder, versions=earlier, processor="Abacus").outcome == Outcome.COMPLETED
    (told,) = advice(folder)
    assert f"torch 1.0, now {torch.__version__}; Abacus, now " in told
