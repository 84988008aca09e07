"""What cannot be trained fails the run, and its last word says what was wrong, where, and what to do."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer

from runs.contract.events import Fault, Outcome
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from runs.engine import checkpoints
from tests.engine.folders import chats, instructions, make_run, train
from tests.tiny import write_tiny_model


def broken_model(path: Path, value: float) -> Path:
    model = write_tiny_model(path)
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][:] = value
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    return model


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_a_loss_that_is_no_number_fails_the_run_at_its_batch(tmp_path: Path, value: float) -> None:
    folder = make_run(tmp_path / "run", chats(8), model=broken_model(tmp_path / "model", value))
    end = train(folder)
    assert (end.outcome, end.fault, end.step) == (Outcome.FAILED, Fault.DIVERGED, 0)
    assert "at batch 1 the" in end.message
    assert "learning rate" in end.advice
    assert not folder.model.exists()


def test_rows_that_teach_nothing_fail_the_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(8), context_length=16)
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.DATA)
    assert "No row" in end.message


def test_evaluation_rows_that_teach_nothing_fail_the_run(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path, instructions(8), task=TaskType.INSTRUCTION_FINETUNE, held_out=[{"prompt": "a" * 900, "response": "b"}]
    )
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.DATA)
    assert "held-out" in end.message


@pytest.mark.parametrize("damage", ["truncated weights", "no weights", "no tokenizer", "no config", "unknown architecture"])
def test_a_broken_base_model_is_named(tmp_path: Path, damage: str) -> None:
    model = write_tiny_model(tmp_path / "model")
    match damage:
        case "truncated weights":
            (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:1000])
        case "no weights":
            (model / "model.safetensors").unlink()
        case "no tokenizer":
            (model / "tokenizer.json").unlink()
        case "no config":
            (model / "config.json").unlink()
        case "unknown architecture":
            (model / "config.json").write_text('{"model_type": "nothing_we_know"}')
    end = train(make_run(tmp_path / "run", chats(4), model=model))
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.MODEL)
    assert end.message


def test_weights_that_do_not_fit_the_configuration_are_refused(tmp_path: Path) -> None:
    """Never trained on weights made up by chance."""
    model = write_tiny_model(tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    end = train(make_run(tmp_path / "run", chats(4), model=model))
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.MODEL)
    assert "model.layers.1.mlp.up_proj.weight" in end.message


def test_a_folder_without_a_good_spec_says_so(tmp_path: Path) -> None:
    assert "no spec.json" in train(RunFolder(tmp_path)).message
    (tmp_path / "spec.json").write_text('{"version": 1}')
    end = train(RunFolder(tmp_path))
    assert (end.fault, end.message.startswith("spec.json is not a run specification")) == (Fault.ENGINE, True)


def test_a_batch_that_breaks_the_loss_is_named_by_its_rows(tmp_path: Path) -> None:
    """Row 5 of eight has a token whose embedding is no number."""
    rows = chats(8)
    rows[4]["messages"][0]["content"] += "é"
    model = write_tiny_model(tmp_path / "model", tie_word_embeddings=False)
    weights = load_file(model / "model.safetensors")
    ids = AutoTokenizer.from_pretrained(model)("é")["input_ids"]
    weights["model.embed_tokens.weight"][ids[-1]] = np.nan
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    folder = make_run(tmp_path / "run", rows, model=model, batch_size=2, eval_interval="1ba")
    end = train(folder)
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.DIVERGED)
    told = end.message.partition("That batch had the rows ")[2].partition(" of “train”.")[0]
    assert "5" in told.split(", ")
    assert len(told.split(", ")) == 2
    kept, _ = checkpoints.newest(folder.checkpoints)
    assert (kept.state.step if kept else 0) == end.step, "the last good checkpoint is there"
