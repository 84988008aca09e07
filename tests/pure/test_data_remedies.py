"""Planted faults, the findings that name them, and the remedies that mend them without touching what they start from."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from runs.contract.spec import TaskType
from runs.data.contents import contents, is_one_word
from runs.data.findings import findings
from runs.data.overlap import overlap
from runs.data.profile import count_tokens
from runs.data.remedies import Part, Remedy, RemedyKind, Tools, apply
from runs.data.rendering import Renderer
from runs.data.rows import Row, read_rows, write_row
from runs.data.validation import check
from tests.chats import write_style
from tests.pure.test_data_twins import sentence

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
SYSTEM = "You answer questions about the warehouse. Be brief."


def chat(question: str, answer: str, system: str = SYSTEM) -> Row:
    turns = [("system", system)] * bool(system) + [("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def keep(path: Path, rows: list[Row]) -> Path:
    path.write_bytes(b"".join(map(write_row, rows)))
    return path


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    return keep(tmp_path / "evaluation.jsonl", [chat(sentence(number), sentence(-number)) for number in range(1_000, 1_030)])


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """100 good rows, and one or more of each fault."""
    rows = [chat(sentence(number), sentence(-number)) for number in range(1, 101)]
    rows += [rows[3], rows[3], chat(sentence(5) + " now", sentence(-5))]  # 101, 102 exact; 103 near
    rows += [
        chat(sentence(1_002), sentence(-1_002)),
        chat(sentence(1_003), "Another answer."),
        chat(sentence(1_004) + " ok", sentence(-1_004)),
    ]
    rows += [chat(sentence(201), "N/A"), chat(sentence(202), "—"), chat(sentence(203), "Yes")]  # 107, 108 empty; 109 one word
    rows += [chat("My mail is mario.rossi@example.org, card 4111 1111 1111 1111", "Noted, mario.rossi@example.org.")]  # 110
    rows += [
        chat(sentence(204), "The key is AKIAIOSFODNN7EXAMPLE."),
        chat(sentence(205), sentence(-205), system=""),
    ]  # 111, 112
    rows += [chat(sentence(206, 900), sentence(-206))]  # 113
    return keep(tmp_path / "rows.jsonl", rows)


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return Renderer.load(write_style("chatml", tmp_path_factory.mktemp("chatml")))


def test_each_planted_fault_is_found_with_its_rows(faulty: Path, evaluation: Path, renderer: Renderer) -> None:
    counted: list[int] = []
    tokens = count_tokens(faulty, renderer, CHAT).at(2_048, model_max=8_192)
    found = {
        one.kind: one for one in findings(contents(faulty, CHAT, counted.append), tokens, overlap(faulty, evaluation, CHAT))
    }
    rows = {kind: one.rows for kind, one in found.items() if one.grade == "warning"}
    assert rows == {
        "leaked": [104], "leaked_question": [105], "leaked_near": [106], "duplicates": [101, 102], "near_duplicates": [103],
        "empty_answers": [107, 108], "one_word_answers": [109], "email": [110, 110], "card": [110], "aws_key": [111],
        "mixed_system": [], "truncated": [113],
    }  # fmt: skip
    assert found["leaked"].shown == ["evaluation row 3"]
    assert found["near_duplicates"].shown == ["row 5"]
    assert found["repeated_system"].count == 112
    assert counted[-1] == 113
    assert all(one.why and one.message for one in found.values())


def test_no_private_value_leaves_whole(faulty: Path) -> None:
    said = contents(faulty, CHAT).model_dump_json()
    assert "ma…rg" in said
    for value in ("mario", "4111", "IOSFODNN"):
        assert value not in said


def test_clean_rows_have_no_warning(tmp_path: Path) -> None:
    rows = keep(tmp_path / "rows.jsonl", [chat(sentence(number), sentence(-number)) for number in range(1, 101)])
    assert [one.kind for one in findings(contents(rows, CHAT))] == ["repeated_system", "no_evaluation"]


Mend = Callable[..., list[Part]]


@pytest.fixture
def mend(faulty: Path, evaluation: Path, renderer: Renderer, tmp_path: Path) -> Mend:
    """`mend("mask")` applies a remedy to the faulty rows, twice, and shows that both times gave the same bytes."""

    def act(kind: str, **settings: object) -> list[Part]:
        before = faulty.read_bytes()
        remedy = Remedy.model_validate({"kind": kind, **settings})
        made = []
        for time in ("first", "second"):
            folder = tmp_path / time
            folder.mkdir(exist_ok=True)
            made.append(apply(remedy, faulty, CHAT, folder, Tools(evaluation, renderer)))
        first, second = made
        assert [part.digest for part in first] == [part.digest for part in second]
        assert [part.path.read_bytes() for part in first] == [part.path.read_bytes() for part in second]
        assert all(part.digest == "sha256:" + hashlib.sha256(part.path.read_bytes()).hexdigest() for part in first)
        assert faulty.read_bytes() == before
        return first

    return act


@pytest.mark.parametrize(
    ("kind", "settings", "gone", "mended"),
    [
        ("drop_duplicates", {}, {101, 102}, {"duplicates"}),
        ("drop_near_duplicates", {}, {101, 102, 103}, {"duplicates", "near_duplicates"}),
        ("drop_leaked", {}, {104, 105, 106}, {"leaked", "leaked_question", "leaked_near"}),
        ("drop_empty_answers", {}, {107, 108}, {"empty_answers"}),
        ("drop_one_word_answers", {}, {109}, {"one_word_answers"}),
        ("drop_long", {"context_length": 2_048}, {113}, {"truncated"}),
    ],
)
def test_a_remedy_takes_out_these_rows_and_the_finding_is_gone(
    kind: str, settings: dict[str, int], gone: set[int], mended: set[str], mend: Mend, faulty: Path, evaluation: Path,
    renderer: Renderer,
) -> None:  # fmt: skip
    (part,) = mend(kind, **settings)
    lines = faulty.read_bytes().splitlines(keepends=True)
    assert part.path.read_bytes() == b"".join(line for row, line in enumerate(lines, 1) if row not in gone)
    assert (part.rows, part.changed) == (113 - len(gone), len(gone))
    tokens = count_tokens(part.path, renderer, CHAT).at(2_048)
    left = {one.kind for one in findings(contents(part.path, CHAT), tokens, overlap(part.path, evaluation, CHAT))}
    assert not left & mended


def test_masking_changes_the_values_and_nothing_else(mend: Mend, faulty: Path) -> None:
    (part,) = mend("mask")
    assert (part.rows, part.changed) == (113, 4)
    assert not contents(part.path, CHAT).private
    old, new = list(read_rows(faulty)), list(read_rows(part.path))
    assert [number for number, (one, other) in enumerate(zip(old, new, strict=True), 1) if one != other] == [110, 111]
    assert new[109]["messages"][1]["content"] == "My mail is [EMAIL], card [CARD]"
    assert check(part.path, task=CHAT, name="masked.jsonl", canonical=None).ok


def test_a_split_parts_the_rows_and_keeps_copies_together(mend: Mend, faulty: Path) -> None:
    train, held_out = mend("split", share=0.2, seed=5)
    assert train.rows + held_out.rows == 113
    assert 20 <= held_out.rows <= 30
    parts = [part.path.read_bytes().splitlines() for part in (train, held_out)]
    assert sorted(parts[0] + parts[1]) == sorted(faulty.read_bytes().splitlines())
    found = overlap(train.path, held_out.path, CHAT)
    assert found.count == 0
    assert mend("split", share=0.2, seed=6)[1].digest != held_out.digest


def test_texts_and_instructions_are_mended_too(tmp_path: Path) -> None:
    texts = keep(tmp_path / "texts.jsonl", [{"text": "Mail a@b.io.", "part": "first"}, {"text": "Mail a@b.io."}])
    (part,) = apply(Remedy(kind=RemedyKind.MASK), texts, TEXT, tmp_path)
    assert [orjson.loads(line) for line in part.path.read_bytes().splitlines()] == [
        {"text": "Mail [EMAIL].", "part": "first"},
        {"text": "Mail [EMAIL]."},
    ]
    pairs = keep(tmp_path / "pairs.jsonl", [{"prompt": "Hi", "response": "a@b.io"}])
    (part,) = apply(Remedy(kind=RemedyKind.MASK), pairs, INSTRUCTION, tmp_path)
    assert part.path.read_bytes() == b'{"prompt":"Hi","response":"[EMAIL]"}\n'


def test_nothing_is_left_when_no_row_is(tmp_path: Path) -> None:
    rows = keep(tmp_path / "a.jsonl", [chat("Hello?", "...")])
    assert apply(Remedy(kind=RemedyKind.DROP_EMPTY_ANSWERS), rows, CHAT, tmp_path) == []
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.mark.parametrize(
    ("answer", "one"),
    [
        ("card_arrival", True),
        ("Yes.", True),
        ("3.14", True),
        ("1,000", True),
        ('{"category":"delivery"}', False),
        ("a b", False),
    ],
)
def test_a_label_is_one_word_and_a_record_is_not(answer: str, one: bool) -> None:
    assert is_one_word(answer) is one
