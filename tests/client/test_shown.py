"""Dates as people write them, tables as they read them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest

from finetuning_ui.client.dates import moment
from finetuning_ui.client.run import RunStatus
from finetuning_ui.client.tables import ObjectList, PaginatedObjectList, lines


@pytest.mark.parametrize(
    "text", ["2026-01-31", "01-31-2026", "2026-01-31 00:00:00", "01-31-2026 00:00:00.000", " 2026-01-31T00:00:00 "]
)
def test_one_day_in_many_spellings(text: str) -> None:
    assert moment(text) == datetime(2026, 1, 31).astimezone()


def test_a_zone_that_was_given_is_kept() -> None:
    assert moment("2026-01-31T10:00:00Z") == moment(datetime(2026, 1, 31, 10, tzinfo=UTC))
    assert moment("2026-01-31T10:00:00+02:00") == datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "31-31-2026", "2026-02-30"])
def test_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        moment(text)


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    rows = [{"name": "a", "step": None}, {"name": "longer", "step": 12}]
    assert [*lines(rows, ["name", "step"])] == ["name    step", "a", "longer  12"]
    assert [*lines([], ["name", "step"])] == ["name  step"]


def test_a_table_holds_text_and_no_markup() -> None:
    @dataclass
    class Thing:
        some_name: str

    page = ObjectList([Thing("<b>&")])._repr_html_()
    assert "<th>Some name</th>" in page
    assert "<td>&lt;b&gt;&amp;</td>" in page
    assert ObjectList([])._repr_html_().startswith("<table>")


def test_a_page_reads_no_further_than_it_must() -> None:
    numbers = count()
    page = PaginatedObjectList(numbers, 3)
    assert (page, page.has_next_page, next(numbers)) == ([0, 1, 2], True, 4)


@pytest.mark.parametrize(
    ("text", "status"), [("running", RunStatus.RUNNING), ("Stopped", RunStatus.STOPPED), ("new", RunStatus.UNKNOWN)]
)
def test_a_status_in_any_case(text: str, status: RunStatus) -> None:
    assert RunStatus(text) is status
    assert status.is_terminal() == (status is RunStatus.STOPPED)
    assert status.display_name == status.value.title()
