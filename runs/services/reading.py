"""Rows of a data set for people: from a place on, or those that say something."""

from runs import wiring
from runs.data.rows import Row
from runs.data.search import Found, rows_from, search
from runs.models import DataSet
from runs.services.refused import NotFound


def browse(*, dataset: DataSet, first: int = 1, words: str = "", limit: int = 10) -> Found:
    """Rows from number `first` on; with `words`, those that say them."""
    path = wiring.dataset_file(dataset.digest)
    try:
        return search(path, words, first, limit) if words else rows_from(path, first, limit)
    except FileNotFoundError:
        raise NotFound(f"The rows of “{dataset.name}” are gone from the disk.") from None


def row(*, dataset: DataSet, number: int) -> Row:
    found = browse(dataset=dataset, first=number, limit=1).rows
    if not found:
        raise NotFound(f"“{dataset.name}” has {dataset.rows:,} rows, and no row {number:,}.")
    return found[0][1]
