"""Evaluation prompts are asked the way the rows were trained: under their common system message."""

import json
from pathlib import Path

import pytest

from runs.contract.inputs import DataFile
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.engine import generation
from tests.tiny import tiny_model


def data(folder: Path, *systems: str | None) -> DataFile:
    """A file with one row for each system message; None is a row without one."""
    rows = []
    for text in systems:
        system = [{"role": "system", "content": text}] if text is not None else []
        turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
        rows.append({"messages": [*system, *turns]})
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return DataFile(path=path, digest="sha256:0", rows=len(rows))


def asked(file: DataFile, task: TaskType = TaskType.CHAT_COMPLETION) -> str:
    renderer = Renderer.load(tiny_model())
    return renderer.decode(generation.encode("Is it raining?", renderer, file, task), specials=True)


def test_a_prompt_comes_under_the_system_message_that_all_rows_share(tmp_path: Path) -> None:
    text = asked(data(tmp_path, "Sort the ticket.", "Sort the ticket."))
    assert text.index("Sort the ticket.") < text.index("Is it raining?")


@pytest.mark.parametrize("systems", [("Sort.", "Answer."), ("Sort.", None), (None, None)])
def test_rows_that_do_not_share_one_lend_none(tmp_path: Path, systems: tuple[str | None, ...]) -> None:
    text = asked(data(tmp_path, *systems))
    assert "system" not in text
    assert "Is it raining?" in text


def test_an_instruction_prompt_is_raw_text(tmp_path: Path) -> None:
    assert asked(data(tmp_path, "Sort."), TaskType.INSTRUCTION_FINETUNE).endswith("Is it raining?")
    assert "Sort." not in asked(data(tmp_path, "Sort."), TaskType.INSTRUCTION_FINETUNE)
