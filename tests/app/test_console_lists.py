"""The console's lists: without a row, and on a phone."""

import re

import pytest
from django.contrib import admin as site
from django.test import Client

from runs.console.table import Table
from runs.models import AuditEntry, BaseModel, User
from tests.app.conftest import text

LISTS = [
    table for model, table in site.site._registry.items() if isinstance(table, Table) and model not in (AuditEntry, User)
]  # those two have rows as soon as somebody can look at them


@pytest.mark.parametrize("table", LISTS, ids=lambda table: str(table.label))
def test_a_list_without_a_row_says_what_would_stand_there(console: Client, table: Table) -> None:  # type: ignore[type-arg]
    page = text(console.get(f"/admin/runs/{table.opts.model_name}/"))
    assert f"No {table.opts.verbose_name_plural} yet" in page
    assert len(table.empty_words) > 20
    assert table.empty_words in page


def test_a_row_says_beside_each_value_what_it_is_for_phones(console: Client, base_model: BaseModel) -> None:
    """There a row is a block without a head above it; what is empty takes no line."""
    page = text(console.get("/admin/runs/basemodel/"))
    assert re.search(r'<td data-label="Family" class="field-family">Tiny</td>', page)
    assert re.search(r'<td data-label="Instead" data-nothing class="[^"]*">–</td>', page)
    assert re.search(r'<td data-label="State" class="[^"]*"><span', page)
    assert re.search(r'<th class="field-name"><a', page)
