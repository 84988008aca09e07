"""Rows in other tools' shapes are recognised and offered a mapping, which is applied only when a person has said yes."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.contract.spec import TaskType
from runs.data.mapping import SHAPES, CannotMap, convert, detect
from runs.data.report import Report
from runs.data.rows import read_rows
from runs.data.validation import check

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
ASKED = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
SHAREGPT = {"id": 1, "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}
ALPACA = {"instruction": "Sort.", "input": "b a", "output": "a b"}

FOREIGN: list[tuple[str, dict[str, Any], TaskType, dict[str, Any]]] = [
    ("sharegpt", SHAREGPT, CHAT, {"messages": ASKED}),
    ("conversation", {"dialog": ASKED}, CHAT, {"messages": ASKED}),
    ("openai", {"messages": [{**ASKED[0], "name": "Eve"}, ASKED[1]], "tools": []}, CHAT, {"messages": ASKED}),
    ("alpaca", ALPACA, INSTRUCTION, {"prompt": "Sort.\n\nb a", "response": "a b"}),
    ("alpaca", {**ALPACA, "input": ""}, INSTRUCTION, {"prompt": "Sort.", "response": "a b"}),
    ("alpaca", {**ALPACA, "input": "", "instruction": "Q", "output": "A"}, CHAT, {"messages": ASKED}),
    ("prompt_response", {"prompt": "Q", "completion": "A"}, CHAT, {"messages": ASKED}),
    ("prompt_response", {"prompt": "Q", "response": "A", "id": 7}, INSTRUCTION, {"prompt": "Q", "response": "A"}),
    ("question_answer", {"question": "Q", "answer": "A"}, CHAT, {"messages": ASKED}),
    ("question_answer", {"input": "Q", "output": "A"}, INSTRUCTION, {"prompt": "Q", "response": "A"}),
    ("document", {"content": "words", "url": "x"}, TEXT, {"text": "words"}),
    (
        "alpaca",
        {"instruction": "Sort.", "context": "b a", "response": "a b"},
        INSTRUCTION,
        {"prompt": "Sort.\n\nb a", "response": "a b"},
    ),
    (
        "openai",
        {"messages": [{"role": "User", "content": "Q"}, {"role": "Chatbot", "content": "A"}]},
        CHAT,
        {"messages": ASKED},
    ),
    ("openai", {"Messages": [{"Role": "human", "Content": "Q"}, {"Role": "ai", "Content": "A"}]}, CHAT, {"messages": ASKED}),
    (
        "openai",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, ASKED[1]]},
        CHAT,
        {"messages": ASKED},
    ),
    ("prompt_response", {"prompt": ASKED[:1], "completion": ASKED[1:]}, CHAT, {"messages": ASKED}),
    ("prompt_response", {" Prompt": "Q", "RESPONSE": "A"}, INSTRUCTION, {"prompt": "Q", "response": "A"}),
    ("question_answer", {"user": "Q", "assistant": "A"}, INSTRUCTION, {"prompt": "Q", "response": "A"}),
    ("question_answer", {"prompt": "Q", "answer": "A"}, CHAT, {"messages": ASKED}),
    (
        "question_answer",
        {"system": "S", "query": "Q", "response": "A"},
        CHAT,
        {"messages": [{"role": "system", "content": "S"}, *ASKED]},
    ),
]


def give(folder: Path, rows: list[Any], task: TaskType, mapping: str | None = None) -> Report:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return check(path, task=task, name=path.name, canonical=folder / "canonical.jsonl", mapping=mapping)


@pytest.mark.parametrize(("shape", "row", "task", "ours"), FOREIGN)
def test_a_foreign_shape_is_refused_offered_and_after_a_yes_converted(
    shape: str, row: dict[str, Any], task: TaskType, ours: dict[str, Any], tmp_path: Path
) -> None:
    refused = give(tmp_path, [row, row], task)
    assert not refused.ok
    assert refused.proposal is not None
    assert refused.proposal.shape == shape
    assert refused.proposal.title in refused.sentence
    assert refused.proposal.description in refused.sentence

    accepted = give(tmp_path, [row], task, mapping=refused.proposal.shape)
    assert accepted.ok, accepted.problems
    assert accepted.mapping == shape
    assert accepted.proposal is None
    assert list(read_rows(tmp_path / "canonical.jsonl")) == [ours]


def test_rows_of_several_shapes_are_offered_nothing(tmp_path: Path) -> None:
    assert give(tmp_path, [SHAREGPT, {"question": "Q", "answer": "A"}], CHAT).proposal is None


def test_our_own_rows_are_offered_nothing(tmp_path: Path) -> None:
    assert give(tmp_path, [{"messages": ASKED}], CHAT).proposal is None


@pytest.mark.parametrize(
    ("row", "task"),
    [
        ({"messages": [ASKED[0], {"role": "assistent", "content": "A"}]}, CHAT),
        ({"messages": [ASKED[0], {"role": "assistant", "content": None}]}, CHAT),
        ({"messages": [ASKED[0], {"role": "tool", "content": "A"}]}, CHAT),
        ({"messages": [*reversed(ASKED)]}, CHAT),
        ({"messages": [ASKED[0]]}, CHAT),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ASKED[1]]}, CHAT),
        ({"prompt": "Q", "response": None}, INSTRUCTION),
        ({"prompt": "", "response": "A"}, INSTRUCTION),
        ({"prompt": ASKED[:1], "completion": ASKED[1:]}, INSTRUCTION),
        ({"text": ""}, TEXT),
    ],
)
def test_what_no_mapping_mends_is_offered_none(row: dict[str, Any], task: TaskType, tmp_path: Path) -> None:
    """Somebody who confirms a mapping expects the file to pass then."""
    report = give(tmp_path, [row, row], task)
    assert not report.ok
    assert report.proposal is None


def test_two_keys_that_differ_in_case_are_not_thrown_together(tmp_path: Path) -> None:
    report = give(tmp_path, [{"prompt": "Q", "Prompt": "q", "response": "A"}], INSTRUCTION)
    assert report.proposal is not None
    accepted = give(tmp_path, [{"prompt": "Q", "Prompt": "q", "response": "A"}], INSTRUCTION, mapping=report.proposal.shape)
    assert list(read_rows(tmp_path / "canonical.jsonl")) == [{"prompt": "Q", "response": "A"}]
    assert accepted.ok


def test_a_mapped_row_is_checked_like_any_other(tmp_path: Path) -> None:
    narrator = {"conversations": [{"from": "narrator", "value": "Q"}, {"from": "gpt", "value": ""}]}
    report = give(tmp_path, [SHAREGPT, narrator], CHAT, mapping="sharegpt")
    assert {(problem.line, problem.kind, problem.field) for problem in report.problems} == {
        (2, "role", "messages[0].role"),
        (2, "empty_text", "messages[1].content"),
    }


@pytest.mark.parametrize("row", [{"question": "Q"}, {"conversations": "none"}, [1], "text"])
def test_a_row_that_does_not_fit_the_mapping_is_named(row: Any, tmp_path: Path) -> None:
    report = give(tmp_path, [SHAREGPT, row], CHAT, mapping="sharegpt")
    assert [(problem.line, problem.kind) for problem in report.problems] == [(2, "mapping")]


def test_an_unknown_mapping_or_one_of_another_task_is_said(tmp_path: Path) -> None:
    for shape in ("nonsense", "document"):
        with pytest.raises(CannotMap, match=f"no mapping “{shape}” for this task"):
            convert(SHAREGPT, shape, CHAT)


def test_every_shape_is_tried_here() -> None:
    assert {shape for shape, *_ in FOREIGN} == set(SHAPES)
    assert all(detect(row, task) == shape for shape, row, task, _ in FOREIGN)
