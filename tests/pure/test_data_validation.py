"""A person gives a file and learns what is wrong with it, where, and what to do."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data.kinds import KINDS, Severity
from runs.data.report import Problem, Report
from runs.data.rows import read_rows
from runs.data.validation import check

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
Give = Callable[..., Report]


def turns(*roles: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": f"said by {role}"} for role in roles]


GOOD = {"messages": turns("user", "assistant")}
LINE = json.dumps(GOOD).encode()


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Check bytes as an uploaded file; the canonical rows go to `canonical.jsonl` beside it."""

    def giving(content: bytes, name: str = "rows.jsonl", task: TaskType = CHAT, **more: Any) -> Report:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return check(path, task=task, name=name, canonical=tmp_path / "canonical.jsonl", **more)

    return giving


def only(report: Report) -> Problem:
    assert len(report.problems) == 1, report.groups
    return report.problems[0]


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


# Good data


def test_good_rows_are_kept_in_canonical_order_and_the_digest_is_that_of_the_file(give: Give, tmp_path: Path) -> None:
    import hashlib

    swapped = {"messages": [{"content": "hi", "role": "user"}, {"content": "hé", "role": "assistant"}]}
    report = give(jsonl(GOOD, swapped))
    assert report.ok
    assert report.sentence == "2 rows."
    written = (tmp_path / "canonical.jsonl").read_bytes()
    assert (
        written.splitlines()[1].decode() == '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hé"}]}'
    )
    assert report.digest == f"sha256:{hashlib.sha256(written).hexdigest()}"
    assert report.preview == list(read_rows(tmp_path / "canonical.jsonl"))


def test_one_changed_byte_is_another_digest_and_spacing_is_not(give: Give) -> None:
    digest = give(LINE).digest
    assert give(LINE.replace(b", ", b" ,\t")).digest == digest
    assert give(LINE.replace(b"said", b"sayd")).digest != digest


@pytest.mark.parametrize("key", ["response", "completion"])
def test_instruction_rows_call_the_answer_response_or_completion(key: str, give: Give, tmp_path: Path) -> None:
    assert give(jsonl({key: "b", "prompt": "a"}), task=INSTRUCTION).ok
    assert list(read_rows(tmp_path / "canonical.jsonl")) == [{"prompt": "a", "response": "b"}]


@pytest.mark.parametrize(
    ("roles", "warned"),
    [
        (("user", "assistant"), False),
        (("system", "user", "assistant"), False),
        (("user", "assistant", "user", "assistant"), False),
        (("assistant", "user", "assistant"), True),
        (("system", "assistant"), True),
    ],
)
def test_conversations_that_may_be_trained_on(roles: tuple[str, ...], warned: bool, give: Give) -> None:
    report = give(jsonl({"messages": turns(*roles)}))
    assert report.ok
    assert [problem.kind for problem in report.problems] == ["assistant_first"] * warned


def as_csv(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    import csv

    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    file = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), file)
    return file.getvalue()


PAIRS = [{"prompt": "one\nline, “quoted”", "response": "a"}, {"prompt": "two", "response": 'b "c"'}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", jsonl(*PAIRS)),
        ("ROWS.NDJSON", jsonl(*PAIRS)),
        ("rows.jsonl", b"\xef\xbb\xbf" + jsonl(*PAIRS)),
        ("rows.jsonl", jsonl(*PAIRS).replace(b"\n", b"\r\n")),
        ("rows.jsonl.gz", gzip.compress(jsonl(*PAIRS), mtime=0)),
        ("rows.jsonl", gzip.compress(jsonl(*PAIRS), mtime=0)),
        ("rows.json", json.dumps(PAIRS, indent=2).encode()),
        ("rows.json", jsonl(*PAIRS)),
        ("rows.json.gz", gzip.compress(json.dumps(PAIRS).encode(), mtime=0)),
        ("rows.csv", as_csv(PAIRS)),
        ("rows.csv", as_csv(PAIRS, ";")),
        ("rows.tsv", as_csv(PAIRS, "\t")),
        ("rows.csv.gz", gzip.compress(as_csv(PAIRS), mtime=0)),
        ("rows.parquet", as_parquet(PAIRS)),
    ],
)
def test_the_same_rows_in_any_format_are_the_same_data_set(name: str, content: bytes, give: Give) -> None:
    assert give(content, name, INSTRUCTION).digest == give(jsonl(*PAIRS), task=INSTRUCTION).digest != ""


def test_messages_come_in_tables_too(give: Give) -> None:
    digest = give(LINE).digest
    assert give(as_csv([{"messages": json.dumps(GOOD["messages"])}]), "rows.csv").digest == digest
    assert give(as_parquet([GOOD]), "rows.parquet").digest == digest
    with_nulls = {"messages": [{**message, "name": None} for message in GOOD["messages"]]}
    some_name = {"messages": [{**message, "name": "Eve"} for message in GOOD["messages"]]}
    report = give(as_parquet([with_nulls, some_name]), "rows.parquet")
    assert [(problem.kind, problem.line) for problem in report.problems] == [("message_keys", 2), ("message_keys", 2)]


# Lines


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        (b"{'messages': []}", "json", "Expecting property name enclosed in double quotes, column 2"),
        (LINE[:-2], "json", "⟨here⟩"),
        (b'{"messages": [{"role": "us', "json", "A text begins and does not end, column"),
        (b"hello", "json", "Expecting value, column 1"),
        (b'{"messages": [NaN]}', "not_finite", "NaN"),
        (b'{"messages": -Infinity}', "not_finite", "-Infinity"),
        (b'{"messages": "\\ud83d oops"}', "surrogate", "lone surrogate"),
        (b'{"messages": "\xed\xa0\xbd"}', "surrogate", "lone surrogate"),
        (b'{"a": ' * 5_000 + b"1" + b"}" * 5_000, "deep", "nested"),
        (b"[" * 100_000, "deep", "nested"),
        (b'{"messages": "caf\xe9"}', "encoding", "café"),
        (b'{"messages": "\x00"}', "nul", "NUL character at column 15"),
        (LINE.replace(b"said", b"sa\\u0000d", 1), "nul", "NUL character at position 3"),
        (b"[1, 2]", "not_object", "not an object"),
        (b"17", "not_object", "not an object"),
        (b'{"messages": [], "messages": []}', "duplicate_key", "“messages” is there twice"),
        (LINE.replace(b'"role"', b'"role": "user", "role"', 1), "duplicate_key", "“role” is there twice"),
    ],
)
def test_a_bad_line_between_good_ones_is_named_by_number(line: bytes, kind: str, said: str, give: Give, tmp_path: Path) -> None:
    other = LINE.replace(b"said", b"told")
    report = give(LINE + b"\n" + line + b"\n" + other + b"\n")
    found = [problem for problem in report.problems if problem.kind == kind]
    assert [problem.line for problem in found] == [2] * len(found) != []
    assert said in found[0].message
    assert found[0].remedy
    assert not report.ok
    assert report.rows == 2
    assert not (tmp_path / "canonical.jsonl").exists()


def test_blank_lines_are_skipped_with_a_warning_and_the_last_one_without(give: Give) -> None:
    other = LINE.replace(b"said", b"told")
    report = give(LINE + b"\n\n  \n" + other + b"\n\n\n")
    assert report.ok
    assert (only(report).kind, only(report).line) == ("blank_line", 2)


def test_a_million_characters_in_a_line_are_pointed_out(give: Give) -> None:
    row = {"messages": [turns("user")[0], {"role": "assistant", "content": "a" * 1_100_000}]}
    report = give(jsonl(row))
    assert report.ok
    assert only(report).kind == "long_line"
    assert len(report.preview[0]["messages"][1]["content"]) < 5_000


def test_a_file_without_line_feeds_does_not_fill_the_memory(give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.data.lines.HUGE", 10_000)
    assert only(give(b'{"messages": "' + b"a" * 50_000)).kind == "huge_line"


# Rows


@pytest.mark.parametrize(
    ("row", "kind", "field"),
    [
        ({}, "keys", ""),
        ({"text": "a"}, "keys", ""),
        ({**GOOD, "id": 1}, "keys", ""),
        ({"messages": "hi"}, "messages", "messages"),
        ({"messages": []}, "too_few", "messages"),
        ({"messages": turns("assistant")}, "too_few", "messages"),
        ({"messages": ["hi", "ho"]}, "message_keys", "messages[0]"),
        ({"messages": [{"role": "user"}, *turns("assistant")]}, "message_keys", "messages[0]"),
        ({"messages": [{**turns("user")[0], "name": "Eve"}, *turns("assistant")]}, "message_keys", "messages[0]"),
        ({"messages": turns("user", "bot")}, "role", "messages[1].role"),
        ({"messages": [{"role": ["user"], "content": "a"}, *turns("assistant")]}, "role", "messages[0].role"),
        ({"messages": [{"role": "user", "content": ""}, *turns("assistant")]}, "empty_text", "messages[0].content"),
        ({"messages": [{"role": "user", "content": " \n"}, *turns("assistant")]}, "empty_text", "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}, *turns("assistant")]}, "not_text", "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}, *turns("assistant")]},
            "not_text",
            "messages[0].content",
        ),
        ({"messages": turns("user", "system", "assistant")}, "system_position", "messages[1].role"),
        ({"messages": turns("system", "system", "user", "assistant")}, "system_position", "messages[1].role"),
        ({"messages": turns("user", "user", "assistant")}, "repeated_role", "messages[1].role"),
        ({"messages": turns("user", "assistant", "assistant")}, "repeated_role", "messages[2].role"),
        ({"messages": turns("user", "assistant", "user")}, "last_role", "messages[2].role"),
        ({"messages": turns("system", "user")}, "no_assistant", "messages"),
    ],
)
def test_a_bad_chat_row_is_explained_at_its_field(row: dict[str, Any], kind: str, field: str, give: Give) -> None:
    report = give(jsonl(GOOD, row))
    assert not report.ok
    assert (kind, field) in [(problem.kind, problem.field) for problem in report.problems]
    assert {problem.line for problem in report.problems} == {2}


@pytest.mark.parametrize(
    ("row", "kind", "field"),
    [
        ({"prompt": "a"}, "keys", ""),
        ({"prompt": "a", "response": "b", "completion": "c"}, "keys", ""),
        ({"prompt": "a", "response": 3}, "not_text", "response"),
        ({"prompt": None, "completion": "b"}, "not_text", "prompt"),
        ({"prompt": "a", "response": "\t"}, "empty_text", "response"),
        ({"prompt": "a\u0000", "response": "b"}, "nul", "prompt"),
    ],
)
def test_a_bad_instruction_row_is_explained_at_its_field(row: dict[str, Any], kind: str, field: str, give: Give) -> None:
    problem = only(give(jsonl(row), task=INSTRUCTION))
    assert (problem.kind, problem.field, problem.line) == (kind, field, 1)


def test_every_fault_of_a_row_is_told_at_once(give: Give) -> None:
    row = {"messages": [{"role": "human", "content": ""}, {"role": "assistant", "content": 3}]}
    assert sorted(problem.kind for problem in give(jsonl(row)).problems) == ["empty_text", "not_text", "role"]


def test_rows_of_another_task_are_recognised(give: Give) -> None:
    assert "choose that task" in only(give(LINE, task=INSTRUCTION)).remedy
    assert "rows for instruction" in only(give(jsonl({"prompt": "a", "response": "b"}))).remedy
    assert "continued pretraining" in only(give(jsonl({"text": "a"}))).remedy


def test_what_to_do_is_shown_by_example_and_what_a_message_lacks_is_named(give: Give) -> None:
    assert 'Write {"messages": [{"role": "user"' in only(give(jsonl({"question_text": "a", "reply": "b"}))).remedy
    assert 'Write {"prompt": "…"' in only(give(jsonl({"ask": "a"}), task=INSTRUCTION)).remedy
    messages = [{"role": "user"}, {"role": "assistant", "content": "b", "name": "bob"}]
    said = [problem.message for problem in give(jsonl({"messages": messages})).problems]
    assert said == ["This message has no “content”.", "This message has the key “name” besides role and content."]


def test_the_sentence_names_line_and_field_and_offers_a_mapping_once(give: Give) -> None:
    report = give(jsonl({"messages": [{"role": "guest", "content": "a"}, {"role": "assistant", "content": "b"}]}))
    assert report.sentence.startswith("Line 1, messages[0].role: The role is “guest”.")
    foreign = give(jsonl({"instruction": "Add.", "input": "", "output": "2"}))
    assert foreign.proposal is not None
    assert foreign.sentence == f"{foreign.fault} {foreign.proposal.question}"


def test_the_first_hundred_of_a_kind_are_listed_and_all_are_counted(give: Give) -> None:
    report = give(jsonl({}) * 250 + b"oops\n" * 7)
    counts = {group.kind: (group.count, len(group.problems)) for group in report.groups}
    assert counts == {"keys": (250, 100), "json": (7, 7)}
    assert report.errors == 257
    assert report.sentence.startswith(
        "Line 1: The row has no keys, but a chat row has the single key “messages”. (257 errors in all)"
    )


def test_equal_rows_are_a_warning_that_names_the_first(give: Give) -> None:
    other = LINE.replace(b"said", b"told")
    report = give(b"\n".join([LINE, other, LINE.replace(b": ", b":"), other, LINE]))
    assert report.ok
    assert [(problem.line, problem.message) for problem in report.problems] == [
        (3, "The row equals that of line 1."),
        (4, "The row equals that of line 2."),
        (5, "The row equals that of line 1."),
    ]


def test_many_equal_rows_are_counted_beyond_the_listed_ones(give: Give) -> None:
    report = give((LINE + b"\n") * 1_000)
    assert [(group.kind, group.count, len(group.problems)) for group in report.groups] == [("duplicate_row", 999, 100)]


def test_a_report_survives_being_stored(give: Give) -> None:
    report = give(jsonl({"question": "a", "answer": "b"}))
    again = Report.model_validate(json.loads(report.model_dump_json()))
    assert again == report
    assert report.model_dump(mode="json")["ok"] is False


# The model


def test_a_model_that_takes_no_system_message_says_so_row_by_row(give: Give, tmp_path: Path) -> None:
    from runs.data.rendering import Renderer
    from tests.chats import write_style

    mistral = Renderer.load(write_style("mistral", tmp_path / "mistral"))
    content = jsonl(GOOD, {"messages": turns("system", "user", "assistant")})
    assert give(content).ok
    problem = only(give(content, renderer=mistral))
    assert (problem.kind, problem.line, problem.field) == ("no_system_role", 2, "messages[0].role")
    by_hand = {"messages": [{"role": "user", "content": "[INST] hi"}, *turns("assistant")]}
    assert only(give(jsonl(by_hand), renderer=mistral)).kind == "special_token"


# Text for continued pretraining


def test_a_text_is_cut_into_parts_that_join_to_the_text(give: Give, tmp_path: Path) -> None:
    text = "".join(f"Paragraph {number}, ünïcode.\n\n" for number in range(20_000))
    report = give(text.encode(), "book.txt", TEXT)
    assert report.ok
    rows = list(read_rows(tmp_path / "canonical.jsonl"))
    assert "".join(row["text"] for row in rows) == text
    assert [row["part"] for row in rows] == ["first", *["middle"] * (len(rows) - 2), "last"]
    assert all(row["text"].endswith("\n\n") for row in rows)
    assert max(len(row["text"]) for row in rows) <= 1 << 15


def test_a_folder_and_a_zip_of_texts_are_the_same_data_set(give: Give, tmp_path: Path) -> None:
    texts = {"b.txt": "second", "a/c.TXT": "first", "notes.md": "no text"}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in texts.items():
            (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / name).write_text(text)
            packed.writestr(name, text)
    (tmp_path / "folder" / "link.txt").symlink_to("/etc/passwd")
    folder = check(tmp_path / "folder", task=TEXT, name="folder", canonical=tmp_path / "out.jsonl")
    assert folder.ok
    assert [row["text"] for row in read_rows(tmp_path / "out.jsonl")] == ["first", "second"]
    assert only(folder).file == "notes.md"
    assert give(archive.getvalue(), "texts.zip", TEXT).digest == folder.digest


def test_a_folder_without_texts_or_for_another_task_is_refused(tmp_path: Path) -> None:
    assert "no .txt" in only(check(tmp_path, task=TEXT, name="folder", canonical=None)).message
    assert "needs one .jsonl" in only(check(tmp_path, task=CHAT, name="folder", canonical=None)).message


# Anything at all


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=400), st.binary(max_size=60).map(lambda tail: LINE + b"\n" + tail)),
    name=st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.txt", "x.parquet", "x.zip", "x.gz", "x.jsonl.gz", "x", "x.exe"]),
    task=st.sampled_from(list(TaskType)),
)
def test_no_bytes_under_any_name_raise(content: bytes, name: str, task: TaskType, give: Give) -> None:
    report = give(content, name, task)
    assert report.ok or report.problems
    assert all(problem.message and problem.remedy for problem in report.problems)
    assert "\x00" not in report.model_dump_json()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["messages", "role", "content", "prompt", "response", "text", "conversations", "from", "value"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    ),
    task=st.sampled_from(list(TaskType)),
    mapping=st.sampled_from(
        [None, "sharegpt", "alpaca", "openai", "conversation", "question_answer", "prompt_response", "document", "nonsense"]
    ),
)
def test_no_json_in_any_mapping_raises(row: Any, task: TaskType, mapping: str | None, give: Give) -> None:
    report = give(json.dumps(row).encode(), task=task, mapping=mapping)
    assert report.ok or report.problems


def test_every_kind_of_error_says_what_to_do() -> None:
    assert all(kind.title and kind.remedy.endswith((".", "> new")) for kind in KINDS.values())
    assert {kind.severity for kind in KINDS.values()} == set(Severity)
