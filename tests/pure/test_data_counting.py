"""What is only counted is what is encoded, token for token: each style of template, whatever people write."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from runs.contract.spec import TaskType
from runs.data.answers import Answers
from runs.data.encoded import counted
from runs.data.rendering import Renderer, TemplateError
from runs.data.rows import Row
from runs.data.segments import Planner
from runs.data.template import ChatTemplate
from tests.chats import STYLES, write_style

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
ODD = (
    "Jupiter is.", " ", "\n", "\n\n", "  two", "é", "e\u0301", "\u0301", "😀", "漢字", "\x1f", "\u00a0", "0", "x", "<|", ">",
    "|>", "<|im_end|>", "<|im_", "<s>", "</think>", "assistant\n", "user", "<|im_start|>assistant\n", "[INST]", "###",
)  # fmt: skip
said = st.lists(st.sampled_from(ODD), min_size=1, max_size=4).map("".join).filter(lambda text: text.strip())


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Renderer]:
    home = tmp_path_factory.mktemp("styles")
    return cache(lambda name: Renderer.load(write_style(name, home / name)))


def chats(style: str) -> st.SearchStrategy[Row]:
    """Conversations of up to three turns, some with a system message where the template takes one."""
    roles = st.integers(1, 3).map(lambda turns: ("user", "assistant") * turns)
    if STYLES[style].takes_system:
        roles = st.tuples(st.booleans(), roles).map(lambda found: (*(("system",) if found[0] else ()), *found[1]))
    return roles.flatmap(
        lambda order: st.tuples(*[said] * len(order)).map(
            lambda texts: {
                "messages": [{"role": role, "content": text} for role, text in zip(order, texts, strict=True)],
            }
        )
    )


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_chat_is_counted_as_it_is_encoded(style: str, renderer: Callable[[str], Renderer], data: st.DataObject) -> None:
    model, rows = renderer(style), data.draw(st.lists(chats(style), min_size=1, max_size=6))
    try:
        encoded = list(model.encode_many(rows, CHAT))
    except TemplateError:  # somebody wrote what this template cuts at
        with pytest.raises(TemplateError):
            list(model.count_many(rows, CHAT))
        return
    found = list(model.count_many(rows, CHAT))
    wanted = [counted(row) for row in encoded]
    assert [(row.tokens, row.trained, row.first) for row in found] == [(row.tokens, row.trained, row.first) for row in wanted]
    assert [row.turns for row in found] == [len(row["messages"]) for row in rows]
    for row in found:
        assert row.roles is not None
        if style not in ("thinking", "late system", "plain"):  # these change, move or join what was said
            assert sum(row.roles.values()) + row.trained <= row.tokens


@pytest.mark.parametrize(("task", "row"), [(INSTRUCTION, {"prompt": "A?", "response": " B."}), (TEXT, {"text": "A. B."})])
def test_other_rows_are_counted_as_they_are_encoded(task: TaskType, row: Row, renderer: Callable[[str], Renderer]) -> None:
    model = renderer("mistral")
    assert list(model.count_many([row] * 3, task)) == [counted(model.encode(row, task))] * 3


def test_many_rows_come_in_order_and_whole_from_the_thread(renderer: Callable[[str], Renderer]) -> None:
    model, read = renderer("chatml"), 0

    def rows() -> Iterator[Row]:
        nonlocal read
        for number, role in zip(range(1_700), cycle(("b", "c")), strict=False):
            read += 1
            yield {"messages": [{"role": "user", "content": role * (number % 50 + 1)}, {"role": "assistant", "content": "A."}]}

    encoded = model.encode_many(rows(), CHAT)
    first = next(encoded)
    assert read <= 1_024, "no more than two batches are in memory"
    lengths = [len(row.ids) for row in (first, *encoded)]
    assert lengths == [row.tokens for row in model.count_many(rows(), CHAT)]
    assert lengths == [len(model.encode(row, CHAT).ids) for row in rows()]


FRAMED = [name for name in STYLES if name not in ("generation", "late system")]  # by marks; the system message moves


@pytest.mark.parametrize("style", FRAMED)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_frame_finds_the_answers_that_a_second_rendering_finds(
    style: str, renderer: Callable[[str], Renderer], data: st.DataObject
) -> None:
    texts = st.text(st.characters(codec="utf-8", exclude_characters="<>[]#\ufdd2\ufdd3"), min_size=1).filter(
        lambda text: text.strip() == text and not text.isspace()
    )
    contents = data.draw(st.lists(texts, min_size=2, max_size=6).filter(lambda found: len(found) % 2 == 0))
    messages = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(contents)]
    answers = renderer(style)._answers
    rendered = answers.render(messages)
    assert rendered.frame is not None
    assert rendered.answers == answers._slotted(messages, rendered.text)
    assert [rendered.text[start:end] for start, end in rendered.contents or ()] == contents


@pytest.mark.parametrize(("style", "by_pieces"), [("chatml", True), ("none", True), ("llama", True), ("plain", False)])
def test_chats_between_special_tokens_are_counted_by_pieces(
    style: str, by_pieces: bool, renderer: Callable[[str], Renderer]
) -> None:
    """The quick way is taken where it can be, and only there."""
    model = renderer(style)
    frame = model._answers.render([{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B."}]).frame
    assert frame is not None
    assert (model._planner.plan(frame) is not None) is by_pieces


def test_a_token_that_could_reach_over_a_border_forbids_pieces(renderer: Callable[[str], Renderer], tmp_path: Path) -> None:
    folder = write_style("chatml", tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["!<|im"])
    template = ChatTemplate(STYLES["chatml"].template or "", {})
    frame = Answers(template, STYLES["chatml"].specials).render([{"role": "assistant", "content": "Yes!"}]).frame
    assert frame is not None
    assert Planner(tokenizer).plan(frame) is None
    assert renderer("chatml")._planner.plan(frame) is not None
