"""What is said of a folder that somebody offers as a base model."""

import json
from pathlib import Path

import pytest

from runs.catalog.folder import inspect
from tests.tiny import MAX_CONTEXT, write_tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "model")


def only_problem(folder: Path) -> str:
    [problem] = inspect(folder).problems
    return problem


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_whole_model_has_no_problems_and_its_parameters_are_counted(folder: Path) -> None:
    facts = inspect(folder)
    assert facts.problems == ()
    assert (facts.model_type, facts.max_context_length, facts.chat_template) == ("llama", MAX_CONTEXT, True)
    assert facts.architecture is not None
    assert facts.parameters == facts.architecture.parameters > 0
    assert facts.bytes == (folder / "model.safetensors").stat().st_size


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    facts = inspect(tmp_path)
    assert len(facts.problems) == 3
    for part in ("config.json", "safetensors", "tokenizer.json"):
        assert any(part in problem for problem in facts.problems)


def test_pickled_weights_are_refused_by_name(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "pytorch_model.bin, a format that can run code" in only_problem(folder)


def test_half_a_download_is_noticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2_000])
    assert "model.safetensors cannot be read" in only_problem(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    shards = {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert only_problem(folder) == "1 of 2 files of weights are missing, first model-00002-of-00002.safetensors."


@pytest.mark.parametrize("text", ["{", "[]", '"model"', "\xff"])
def test_a_config_that_is_none_is_a_sentence(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="latin-1")
    problems = inspect(folder).problems
    assert problems[0].startswith("config.json")
    assert all("config.json" in problem for problem in problems)


def test_an_unknown_architecture_and_code_of_its_own_are_problems(folder: Path) -> None:
    change(folder / "config.json", model_type="mamba", auto_map={"AutoModel": "modeling.Mine"})
    unknown, code = inspect(folder).problems
    assert "“mamba”" in unknown
    assert "auto_map" in code


def test_a_broken_tokenizer_or_template_is_a_sentence(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for %}")
    assert "not valid Jinja" in only_problem(folder)
    (folder / "tokenizer.json").write_text("{}")
    assert "tokenizer.json is missing or cannot be read" in only_problem(folder)


def test_a_model_without_a_chat_template_is_told_apart(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    assert inspect(folder).chat_template is False
    change(folder / "tokenizer_config.json", chat_template="{{ messages }}")
    assert inspect(folder).chat_template is True


def test_a_shape_in_other_words_is_understood(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["d_model"], config["n_layers"] = config.pop("hidden_size"), config.pop("num_hidden_layers")
    (folder / "config.json").write_text(json.dumps(config))
    facts = inspect(folder)
    assert facts.architecture is not None
    assert facts.architecture.hidden == 32
