"""Rows by number and by what they say, in files of any length."""

from pathlib import Path

import pytest

from runs.data.rows import write_row
from runs.data.search import Found, rows_from, search


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_bytes(
        b"".join(
            write_row({"prompt": f"Question {number}?", "response": "È “ja”\n" * (number % 7)}) for number in range(1, 5_501)
        )
    )
    return path


@pytest.mark.parametrize("first", [1, 2, 999, 1_000, 1_001, 2_000, 2_001, 5_499])
def test_rows_begin_where_they_are_asked_to(rows: Path, first: int) -> None:
    found = rows_from(rows, first, 3)
    assert [number for number, _ in found.rows] == [*range(first, min(first + 3, 5_501))]
    assert [row["prompt"] for _, row in found.rows] == [f"Question {number}?" for number, _ in found.rows]
    assert found.next == (first + 3 if first + 3 <= 5_500 else None)


def test_behind_the_end_there_is_nothing(rows: Path) -> None:
    assert rows_from(rows, 9_999, 3).rows == []
    assert rows_from(rows, 5_498, 3).next is None


def test_words_are_found_as_they_stand_whatever_their_case(rows: Path) -> None:
    assert [number for number, _ in search(rows, "QUESTION 5500?", 1, 10).rows] == [5_500]
    assert [number for number, _ in search(rows, "è “JA”\nè", 1, 3).rows] == [2, 3, 4]
    assert search(rows, "prompt", 1, 10) == Found([], None, 5_500), "keys are not what a row says"
    assert search(rows, ".*", 1, 10).rows == []


def test_a_page_of_hits_says_where_the_next_begins(rows: Path) -> None:
    page = search(rows, "question 1", 1, 5)
    assert [number for number, _ in page.rows] == [1, 10, 11, 12, 13]
    assert page.next == 14
    assert search(rows, "question 1", page.next, 1).rows[0][0] == 14


def test_a_long_search_stops_and_can_be_gone_on_with(rows: Path) -> None:
    page = search(rows, "question 5432", 1, 5, seconds=0)
    assert (page.rows, page.next, page.read) == ([], 1_000, 999)
    found, tries = page, 0
    while not found.rows and found.next:
        found, tries = search(rows, "question 5432", found.next + 1, 5, seconds=0), tries + 1
    assert found.rows[0][0] == 5_432
    assert tries == 5
