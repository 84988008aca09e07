"""Several hundred broken and odd files: each fault has its sentence, its line and its remedy, and nothing raises."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data import validation
from runs.data.fast import Fast
from runs.data.kinds import KINDS
from runs.data.report import Report
from runs.data.validation import check
from tests.oddities import Odd, odd_files
from tests.oddities.odd import GOOD, GOOD_PAIRS, jsonl


@pytest.mark.parametrize("odd", odd_files(), ids=str)
def test_an_odd_file_is_told_what_it_is(odd: Odd, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(odd.content)
    report = check(path, task=odd.task, name=odd.name, canonical=tmp_path / "canonical.jsonl")
    assert report.ok == odd.ok, report.sentence
    assert {group.kind for group in report.groups} == set(odd.kinds), report.groups
    if odd.line:
        assert report.problems[0].line == odd.line
    for problem in report.problems:
        assert problem.message.endswith((".", "…", "}", "]")) or "⟨here⟩" in problem.message, problem
        assert problem.remedy
        assert problem.file
        assert not any(unicodedata.category(mark) in ("Cc", "Cs") for mark in problem.message + problem.field + problem.file)
    assert sorted(tmp_path.iterdir()) == ([tmp_path / "canonical.jsonl", path] if odd.ok else [path])


def test_they_are_hundreds_and_show_nearly_every_kind_of_problem() -> None:
    odd = odd_files()
    assert len(odd) > 850
    shown = {kind for one in odd for kind in one.kinds}
    of_models, elsewhere = {"no_system_role", "special_token"}, {"missing", "huge_line", "mapping"}
    assert set(KINDS) - shown == of_models | elsewhere


def both_ways(content: bytes, task: TaskType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Report, bytes]]:
    """The report and the canonical rows with the fast path and without it."""
    path, canonical = folder / "upload", folder / "canonical.jsonl"
    path.write_bytes(content)
    found = []
    for fast in (Fast.written, lambda _, __: None):
        with monkeypatch.context() as patch:
            patch.setattr(Fast, "written", fast)
            patch.setattr(validation, "PREVIEW", 0)  # else the first rows always go the slow way
            report = check(path, task=task, name="rows.jsonl", canonical=canonical)
        found.append((report, canonical.read_bytes() if report.ok else b""))
        canonical.unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("odd", [odd for odd in odd_files() if odd.name == "a.jsonl"], ids=str)
def test_the_fast_way_and_the_slow_way_find_the_same(odd: Odd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both_ways(odd.content, odd.task, tmp_path, monkeypatch)
    assert fast == slow


texts = st.text(max_size=6) | st.sampled_from(
    [
        "",
        " ",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\u3164",
        "\ufffd",
        "\ue000",
        "Ã¼",
        "\u202e",
        "\\",
        '"',
        "\x00",
        "\x1f",
        "\x7f",
        "\u2028",
        "é😀",
    ]
)
role = st.sampled_from(["system", "user", "assistant", "User", "tool"])
message = st.fixed_dictionaries({"role": role, "content": texts}) | st.dictionaries(
    st.sampled_from(["role", "content", "name"]), texts | st.none() | st.integers(), max_size=3
)
turn = st.tuples(texts, texts).map(lambda two: [{"role": "user", "content": two[0]}, {"role": "assistant", "content": two[1]}])
row = st.one_of(
    st.fixed_dictionaries({"messages": turn | st.lists(message, max_size=4)}),
    st.fixed_dictionaries({"prompt": texts, "response": texts}),
    st.fixed_dictionaries({"response": texts, "prompt": texts}),
    st.fixed_dictionaries({"text": texts}, optional={"part": texts | st.sampled_from(["first", "last"])}),
)
line = st.one_of(
    row.map(lambda one: jsonl(one)[:-1]),
    row.map(lambda one: jsonl(one, ensure_ascii=False, separators=(",", ":"))[:-1]),
    row.map(lambda one: jsonl(one)[:-1].replace(b'"content"', b'"content": "x", "content"', 1)),
    row.map(lambda one: b" " + jsonl(one)[:-1].replace(b"e", b"\\u0065", 1) + b" \r"),
    st.sampled_from([b"", b" ", b"{}", b"null", b"{", b"\xff", b'{"text": "\\ud800"}', b'{"text": 1e999}']),
    st.sampled_from([GOOD[:-1], GOOD_PAIRS[:-1]]),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(line, max_size=6), task=st.sampled_from(list(TaskType)))
@example(lines=[b'{"text":"a","text":"b"}'], task=TaskType.CONTINUED_PRETRAIN)
def test_both_ways_agree_on_any_lines(
    lines: list[bytes], task: TaskType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, slow = both_ways(b"\n".join(lines), task, tmp_path, monkeypatch)
    assert fast == slow
