"""The cells of a console's list with their columns' names, for phones, where a row is a block and not a line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

register = template.Library()
NOTHING = re.compile("<td[^>]*>[–-]?</td>")


@register.filter
def labelled(cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]) -> Iterator[SafeString]:
    """Those of the first column and of the boxes to tick stay as they are; what is empty says so for a style to hide."""
    for cell, header in zip(cells, headers, strict=False):
        if not cell.startswith("<td") or "action-checkbox" in cell[:60]:
            yield cell
            continue
        begin = format_html('<td data-label="{}"', capfirst(header["text"]))
        nothing = " data-nothing" if NOTHING.fullmatch(cell) else ""
        yield SafeString(begin + nothing + cell.removeprefix("<td"))  # nosec B703 # Django's own cell, an escaped name
