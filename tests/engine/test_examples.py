"""What becomes of rows before training: truncated, dropped, cut into blocks, or refused in words."""

from pathlib import Path

import pytest

from runs.contract.events import Fault
from runs.contract.spec import TaskType
from runs.data.packing import blocks
from runs.data.rendering import Encoded, Renderer
from runs.engine.examples import Examples, tokenize
from runs.engine.failure import Failure
from tests.engine.folders import Row, chats, data_file, instructions, texts
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer.load(tiny_model())


def read(tmp_path: Path, renderer: Renderer, rows: list[Row], task: TaskType, length: int = 400) -> Examples:
    return tokenize(data_file(tmp_path / "helpdesk.jsonl", rows), renderer, task, length, lambda _: None)


def test_rows_are_kept_as_the_renderer_gives_them(tmp_path: Path, renderer: Renderer) -> None:
    rows = chats(9)
    found = read(tmp_path, renderer, rows, TaskType.CHAT_COMPLETION)
    assert len(found) == 9
    assert (found.truncated, found.dropped) == (0, 0)
    for index, row in enumerate(rows):
        encoded = renderer.encode(row, TaskType.CHAT_COMPLETION)
        assert found.ids[found.row(index)].tolist() == encoded.ids
        assert found.trained[found.row(index)].tolist() == encoded.trained
        assert found.lengths[index] == len(encoded.ids)
        assert found.trained_lengths[index] == sum(encoded.trained)


def test_only_the_answer_is_trained(tmp_path: Path, renderer: Renderer) -> None:
    found = read(tmp_path, renderer, chats(1), TaskType.CHAT_COMPLETION)
    learned = renderer.decode(found.ids[found.trained].tolist(), specials=True)
    assert learned.startswith('{"team": "hardware", "printer": 0}<|im_end|>')
    assert "Which team" not in learned


def test_long_rows_are_truncated_and_counted(tmp_path: Path, renderer: Renderer) -> None:
    found = read(tmp_path, renderer, instructions(40), TaskType.INSTRUCTION_FINETUNE, 40)
    assert found.lengths.max() == 40
    assert 0 < found.truncated < 40
    assert len(found) == 40


def test_rows_with_nothing_left_to_learn_are_dropped_and_counted(tmp_path: Path, renderer: Renderer) -> None:
    found = read(tmp_path, renderer, chats(10), TaskType.CHAT_COMPLETION, 64)
    assert found.dropped > 0
    assert len(found) + found.dropped == 10
    assert (found.trained_lengths > 0).all()


def test_answers_that_are_all_cut_off_are_explained(tmp_path: Path, renderer: Renderer) -> None:
    with pytest.raises(Failure, match=r"context length of 16 tokens, so that their answers are cut off") as refusal:
        read(tmp_path, renderer, chats(5), TaskType.CHAT_COMPLETION, 16)
    assert refusal.value.fault == Fault.DATA


def test_an_empty_file_is_refused(tmp_path: Path, renderer: Renderer) -> None:
    with pytest.raises(Failure, match="“helpdesk” has no rows"):
        read(tmp_path, renderer, [], TaskType.CHAT_COMPLETION)


@pytest.mark.parametrize("task", [TaskType.CHAT_COMPLETION, TaskType.CONTINUED_PRETRAIN])
def test_rows_of_another_task_are_refused(tmp_path: Path, renderer: Renderer, task: TaskType) -> None:
    with pytest.raises(Failure, match="not of this task's form"):
        read(tmp_path, renderer, instructions(3), task)


def test_a_file_that_is_gone_is_named(tmp_path: Path, renderer: Renderer) -> None:
    data = data_file(tmp_path / "helpdesk.jsonl", chats(1))
    data.path.unlink()
    with pytest.raises(Failure, match="“helpdesk” is gone"):
        tokenize(data, renderer, TaskType.CHAT_COMPLETION, 100, lambda _: None)


def test_texts_become_blocks_of_the_context_length(tmp_path: Path, renderer: Renderer) -> None:
    rows = texts(12)
    found = read(tmp_path, renderer, rows, TaskType.CONTINUED_PRETRAIN, 64)
    assert set(found.lengths[:-1]) == {64}
    assert 0 < found.lengths[-1] <= 64
    stream = [number for row in rows for number in renderer.encode(row, TaskType.CONTINUED_PRETRAIN).ids]
    assert found.ids.tolist() == stream[: len(found.ids)]
    assert len(stream) - len(found.ids) <= 1, "a last block of one token has nothing to predict"
    assert (found.ids == renderer.eos_id).sum() >= 11, "documents end with EOS"
    assert (found.trained_lengths == found.lengths - 1).all()


@pytest.mark.parametrize("sizes", [[5, 5], [1, 1, 1], [30], [7, 0, 14], []])
def test_blocks_lose_no_token(sizes: list[int]) -> None:
    numbers = iter(range(1_000))
    rows = [Encoded([next(numbers) for _ in range(size)], [True] * size) for size in sizes]
    assert [number for block in blocks(rows, 7) for number in block.ids] == list(range(sum(sizes)))


def test_rows_are_counted_as_they_are_read(tmp_path: Path, renderer: Renderer) -> None:
    counted: list[int] = []
    tokenize(data_file(tmp_path / "a.jsonl", chats(5)), renderer, TaskType.CHAT_COMPLETION, 400, counted.append)
    assert counted == [1, 2, 3, 4, 5]
