"""Where things are in the console: the second list of the rail, from the tables that the site has."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from runs.console.table import Table


@dataclass(frozen=True, slots=True)
class Spot:
    label: str
    href: str
    current: bool


def places(request: HttpRequest, tables: Iterable[Any]) -> list[tuple[str, list[Spot]]]:
    """Groups of lists, as `runs.admin` has put them."""
    ours = [table for table in tables if isinstance(table, Table)]
    return [(group, [_spot(table, request) for table in inside]) for group, inside in groupby(ours, lambda table: table.group)]


def _spot(table: Table[Any], request: HttpRequest) -> Spot:
    href = reverse(f"admin:{table.opts.app_label}_{table.opts.model_name}_changelist")
    return Spot(table.label, href, request.path.startswith(href))
