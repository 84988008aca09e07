"""What a data set weighs with a model: counted by hand here, and the advice that follows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data.advice import advice
from runs.data.encoded import NEVER
from runs.data.kinds import Severity
from runs.data.lengths import packing
from runs.data.packing import prepared, teaches
from runs.data.profile import Profile, Tokens, profile
from runs.data.rendering import Renderer, TemplateError
from runs.data.rows import Row, count, write_row
from tests.chats import write_style

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return Renderer.load(write_style("chatml", tmp_path_factory.mktemp("chatml")))


def keep(folder: Path, rows: list[Row]) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(write_row(row) for row in rows))
    return path


def chat(answer: str, system: str = "Be brief.") -> Row:
    contents = (("system", system), ("user", "Hello?"), ("assistant", answer))
    return {"messages": [{"role": role, "content": content} for role, content in contents]}


@given(batch_size=st.sampled_from([1, 9, 300, 41_732, 2**31]), joined=st.booleans())
def test_how_full_bins_get_is_known_for_any_batch_size(batch_size: int, joined: bool) -> None:
    """A part of a huge batch says as much as all of it, and asks for no more time and memory."""
    found = packing([(28, 5), (29, 5), (31, 10)], joined, 389, batch_size, "cpu")
    assert found is not None
    assert found.batch_size == batch_size
    assert 0 < found.fill <= 1
    assert found.rows_per_bin == (1 if joined or batch_size == 1 else pytest.approx(12, rel=0.5))


def test_the_counts_are_those_of_the_encoded_rows(model: Renderer, tmp_path: Path) -> None:
    rows = [chat("word " * number) for number in range(1, 1_200)]
    encoded = list(model.encode_many(rows, CHAT))
    lengths = sorted(len(row.ids) for row in encoded)
    found = profile(keep(tmp_path, rows), model, CHAT, 200)
    assert found.rows == 1_199
    assert found.tokens == sum(lengths)
    assert found.trained_tokens == sum(sum(row.trained) for row in encoded)
    assert found.trained_share == pytest.approx(found.trained_tokens / found.tokens)
    assert (found.longest, found.longest_line) == (lengths[-1], 1_199)
    assert found.truncated_rows == sum(length > 200 for length in lengths)
    assert found.truncated_tokens == sum(length - 200 for length in lengths if length > 200)
    assert found.percentiles[50] == lengths[599]
    assert found.percentiles[99] == lengths[1_187]
    assert found.bytes == (tmp_path / "rows.jsonl").stat().st_size


def trained_on(rows: list[Row], model: Renderer, context_length: int) -> tuple[int, int]:
    """Tokens and trained tokens of what the engine keeps."""
    kept = [row for row in prepared(model.encode_many(rows, CHAT), CHAT, context_length) if teaches(row)]
    return sum(len(row.ids) for row in kept), sum(sum(row.trained) for row in kept)


@pytest.mark.parametrize("context_length", [8, 24, 40, 64, 200, 4_096])
def test_what_training_sees_is_told_for_rows_that_are_cut_and_rows_that_are_dropped(
    model: Renderer, tmp_path: Path, context_length: int
) -> None:
    rows = [chat("word " * number, system="long " * (number * 37 % 90)) for number in range(60)]
    found = profile(keep(tmp_path, rows), model, CHAT, context_length)
    assert (found.seen_tokens, found.seen_trained) == trained_on(rows, model, context_length)


def test_rows_without_a_trained_token_are_not_seen_by_training() -> None:
    tokens = Tokens(
        rows=2, tokens=10, trained_tokens=3, lengths=[(5, 2)], firsts=[(2, 1), (NEVER, 1)], ends=[(5, 1)], silent=[(5, 1)]
    )
    assert [(found.seen_tokens, found.seen_trained) for found in map(tokens.at, (2, 4, 9))] == [(0, 0), (4, 2), (5, 3)]


def test_of_conversations_that_are_cut_trained_tokens_are_at_most_those_told(model: Renderer, tmp_path: Path) -> None:
    rows: list[Row] = [{"messages": chat("word " * number)["messages"] + chat("Yes.")["messages"][1:]} for number in range(40)]
    for context_length in (30, 50, 500):
        found, (tokens, trained) = (
            profile(keep(tmp_path, rows), model, CHAT, context_length),
            trained_on(rows, model, context_length),
        )
        assert found.seen_tokens == tokens
        assert trained <= found.seen_trained <= tokens
    assert found.seen_trained == trained


def test_the_histogram_holds_every_row_once_in_its_bar(model: Renderer, tmp_path: Path) -> None:
    rows = [chat("word " * (number * number)) for number in range(1, 30)]
    found = profile(keep(tmp_path, rows), model, CHAT, 4_096)
    lengths = [len(row.ids) for row in model.encode_many(rows, CHAT)]
    for bar in found.histogram:
        assert bar.rows == sum(bar.start <= length < bar.end for length in lengths)
    assert sum(bar.rows for bar in found.histogram) == len(rows)
    assert [bar.start for bar in found.histogram[1:]] == [bar.end for bar in found.histogram[:-1]]


def test_tokens_by_role_add_up(model: Renderer, tmp_path: Path) -> None:
    found = profile(keep(tmp_path, [chat("Yes."), chat("No.")]), model, CHAT, 512)
    assert list(found.tokens_by_role) == ["system", "user", "assistant", "template"]
    assert sum(found.tokens_by_role.values()) == found.tokens
    assert found.tokens_by_role["user"] == 2 * len(model.encode_text("Hello?"))


def test_a_row_whose_answer_lies_behind_the_context_length_is_untrained(model: Renderer, tmp_path: Path) -> None:
    path = keep(tmp_path, [chat("Yes."), chat("Yes.", system="long " * 300)])
    found = profile(path, model, CHAT, 128)
    assert (found.untrained_rows, found.truncated_rows) == (1, 1)
    assert {one.kind for one in advice(found, CHAT, 128)} == {"untrained_rows", "truncated"}
    nothing = profile(path, model, CHAT, 4)
    assert nothing.untrained_rows == 2
    (first, *_) = advice(nothing, CHAT, 128)
    assert (first.kind, first.severity) == ("nothing_to_train", Severity.ERROR)


def test_text_is_never_truncated_because_it_is_cut_and_packed(model: Renderer, tmp_path: Path) -> None:
    found = profile(keep(tmp_path, [{"text": "word " * 500}]), model, TEXT, 64)
    assert (found.truncated_rows, found.untrained_rows) == (0, 0)
    assert found.trained_tokens == found.tokens > 500
    assert found.tokens_by_role == {}


def test_a_row_that_the_template_refuses_is_named(tmp_path: Path) -> None:
    mistral = Renderer.load(write_style("mistral", tmp_path / "mistral"))
    good = {"messages": chat("Yes.")["messages"][1:]}
    with pytest.raises(TemplateError, match=r"Row 701: .*accepts no system message"):
        profile(keep(tmp_path, [good] * 700 + [chat("Yes.")]), mistral, CHAT, 128)


def test_a_profile_survives_being_stored(model: Renderer, tmp_path: Path) -> None:
    found = profile(keep(tmp_path, [chat("Yes.")]), model, CHAT, 128)
    assert Profile.model_validate(found.model_dump(mode="json")) == found


def test_an_empty_file_has_an_empty_profile(model: Renderer, tmp_path: Path) -> None:
    path = keep(tmp_path, [])
    assert count(path) == 0
    found = profile(path, model, CHAT, 128)
    assert (found.rows, found.tokens, found.histogram, found.trained_share) == (0, 0, [], 0.0)


def sized(**numbers: int) -> Profile:
    ordinary = {"rows": 100, "tokens": 20_000_000, "trained_tokens": 100, "bytes": 100_000_000}
    return Profile(context_length=8_192, **(ordinary | numbers))


@pytest.mark.parametrize(
    ("task", "numbers", "kinds"),
    [
        (CHAT, {}, []),
        (CHAT, {"tokens": 131_071}, ["few_tokens"]),
        (INSTRUCTION, {"tokens": 131_072}, []),
        (TEXT, {}, []),
        (TEXT, {"tokens": 1_499_999}, ["few_tokens"]),
        (TEXT, {"bytes": 59_000_000}, ["file_size"]),
        (TEXT, {"bytes": 257_000_000}, ["file_size"]),
        (TEXT, {"bytes": 1_000_000_001}, ["slow_file"]),
        (CHAT, {"bytes": 1_000_000_001}, []),
        (CHAT, {"tokens": 10_000_000_001}, ["too_many_tokens"]),
        (TEXT, {"tokens": 10_000_000_000}, []),
        (CHAT, {"trained_tokens": 0}, ["nothing_to_train"]),
    ],
)
def test_the_limits_of_the_reference_page(task: TaskType, numbers: dict[str, int], kinds: list[str]) -> None:
    found = advice(sized(**numbers), task, 131_072)
    assert [one.kind for one in found] == kinds
    assert all(one.message and one.remedy for one in found)
    refusing = {"too_many_tokens", "nothing_to_train"}
    assert [one.severity is Severity.ERROR for one in found] == [kind in refusing for kind in kinds]
