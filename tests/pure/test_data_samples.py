"""The helpdesk data set is good data by our own rules, and what its README says is true."""

import json
import re
from collections import Counter
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data.rows import Row, count, read_rows, write_row
from runs.data.samples import HELPDESK
from runs.data.samples.compose import compose
from runs.data.scoring import score_json
from runs.data.validation import check

VALUES = {
    "category": {"billing", "delivery", "defect", "account", "return"},
    "priority": {"high", "normal", "low"},
    "product": {"lamp", "lock", "camera", "heater", "none"},
}


def rows(name: str) -> list[Row]:
    return list(read_rows(HELPDESK / f"{name}.jsonl"))


def record(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["messages"][-1]["content"])
    return found


def words(row: Row) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", row["messages"][1]["content"].lower()))


@pytest.mark.parametrize(("name", "rows_in_it"), [("train", 240), ("heldout", 40)])
def test_both_files_pass_without_a_warning(name: str, rows_in_it: int) -> None:
    path = HELPDESK / f"{name}.jsonl"
    report = check(path, task=TaskType.CHAT_COMPLETION, name=path.name, canonical=None)
    assert report.ok
    assert report.groups == []
    assert report.rows == count(path) == rows_in_it


def test_the_training_rows_are_what_the_script_composes() -> None:
    composed = compose(orjson.loads((HELPDESK / "phrases.json").read_bytes()))
    assert b"".join(write_row(row) for row in composed) == (HELPDESK / "train.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["train", "heldout"])
def test_answers_use_a_closed_set_of_values_and_all_of_them(name: str) -> None:
    records = [record(row) for row in rows(name)]
    for field, values in VALUES.items():
        shares = Counter(found[field] for found in records)
        assert set(shares) == values
        assert min(shares.values()) >= 0.1 * len(records)
    assert all(set(found) == set(VALUES) for found in records)


def test_no_held_out_message_resembles_a_training_message() -> None:
    def likeness(pair: tuple[Row, Row]) -> float:
        one, other = words(pair[0]), words(pair[1])
        return len(one & other) / len(one | other)

    assert max(map(likeness, product(rows("heldout"), rows("train")))) < 0.6


def test_each_product_is_named_in_the_message_it_is_filed_under() -> None:
    for row in rows("train") + rows("heldout"):
        named = VALUES["product"] & {word.rstrip("s") for word in words(row)}
        assert named == ({record(row)["product"]} - {"none"})


def test_every_field_right_scores_one() -> None:
    expected = [row["messages"][-1]["content"] for row in rows("heldout")]
    assert score_json(expected, expected) == score_json([f" {text}\n" for text in expected], expected)
    perfect = score_json(expected, expected)
    assert (perfect.valid, perfect.exact, perfect.field_accuracy) == (1, 1, 1)


RIGHT = '{"category":"defect","priority":"low","product":"lamp"}'


@pytest.mark.parametrize(
    ("answer", "valid", "exact", "fields"),
    [
        (RIGHT.replace(",", ", "), 1, 1, 1),
        ('{"product":"lamp","priority":"low","category":"defect"}', 1, 1, 1),
        (RIGHT.replace("low", "high"), 1, 0, 2 / 3),
        ('{"category":"defect"}', 1, 0, 1 / 3),
        (RIGHT.replace("}", ',"more":1}'), 1, 0, 1),
        (f"Sure! {RIGHT}", 0, 0, 0),
        (RIGHT * 2, 0, 0, 0),
        ('["defect"]', 0, 0, 0),
        ("{}", 1, 0, 0),
        ("", 0, 0, 0),
        ("[" * 100_000, 0, 0, 0),
    ],
)
def test_what_an_answer_is_worth(answer: str, valid: float, exact: float, fields: float) -> None:
    score = score_json([answer], [RIGHT])
    assert (score.valid, score.exact) == (valid, exact)
    assert score.field_accuracy == pytest.approx(fields)
    half = score_json([answer, "no"], [RIGHT, RIGHT])
    assert half.field_accuracy == pytest.approx(fields / 2)


@given(st.text())
def test_no_answer_breaks_the_score(answer: str) -> None:
    score = score_json([answer], [RIGHT])
    assert 0 <= score.exact <= score.valid <= 1


@pytest.mark.parametrize(("answers", "expected"), [([], []), (["a"], []), (["a"], ["not json"]), (["a"], ["{}"])])
def test_scoring_against_nothing_is_refused(answers: list[str], expected: list[str]) -> None:
    with pytest.raises(ValueError, match=r"scored|must be a JSON object"):
        score_json(answers, expected)
