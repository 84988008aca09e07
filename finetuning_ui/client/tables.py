"""Lists and single things as notebooks show them. Every value is escaped: names and messages come from people."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from html import escape
from itertools import chain, islice
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

HIDDEN = {"submitted_config", "advice", "fault"}  # long, or mostly empty: not worth a column


class ObjectList(list[Item], Generic[Item]):
    """A list that notebooks show as a table."""

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a column for each field. Needs pandas."""
        import pandas  # the one thing that would need it

        return pandas.DataFrame([_document(item) for item in self])

    def _repr_html_(self) -> str:
        documents = [_document(item) for item in self]
        columns = [key for key in (documents[0] if documents else {}) if key not in HIDDEN]
        head = "".join(f"<th>{_words(key)}</th>" for key in columns)
        rows = "".join("<tr>" + "".join(_cell(row.get(key)) for key in columns) + "</tr>" for row in documents)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


class PaginatedObjectList(ObjectList[Item]):
    """One page of a longer list; `next_page` has what follows."""

    def __init__(self, items: Iterator[Item], limit: int) -> None:
        """Takes `limit` of `items`, and looks whether there is one more."""
        super().__init__(islice(items, limit))
        self._limit, self._rest, self._ahead = limit, items, list(islice(items, 1))
        self._following: PaginatedObjectList[Item] | None = None

    @property
    def has_next_page(self) -> bool:
        return bool(self._ahead)

    def next_page(self, limit: int | None = None) -> "PaginatedObjectList[Item]":
        """Empty when this was the last one. Asked again, it has the same items."""
        if self._following is None:
            self._following = PaginatedObjectList(chain(self._ahead, self._rest), limit or self._limit)
        return self._following


def card(thing: Any, **more: str) -> str:
    """One dataclass as a table of two columns, without what is empty."""
    values = {one.name: getattr(thing, one.name) for one in fields(thing)} | more
    rows = [
        f"<tr><th>{_words(key)}</th>{_cell(value)}</tr>"
        for key, value in values.items()
        if value not in (None, "", [], {}) and key != "submitted_config"
    ]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def lines(documents: Iterable[dict[str, Any]], columns: list[str]) -> Iterator[str]:
    """The same as text, in columns as wide as their widest value."""
    table = [columns, *([_plain(row.get(key)) for key in columns] for row in documents)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()


def _document(item: Any) -> dict[str, Any]:
    return item if isinstance(item, dict) else asdict(item)


def _words(key: str) -> str:
    return escape(key.replace("_", " ").capitalize())


def _cell(value: Any) -> str:
    return f"<td>{escape(_plain(value))}</td>"


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
