"""Numbers with units as people read them, and rows as tokens. Knows no model and no page."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from runs.data.rendering import Piece

register = template.Library()
NBSP = "\N{NO-BREAK SPACE}"


@register.filter
def parameters(count: int) -> str:
    """135 M, 1.2 B: as model cards count."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{NBSP}{unit}"
    return str(count)


@register.filter
def size(count: float | None) -> str:
    """Decimal units of bytes: 2.4 GB."""
    if count is None:
        return "–"
    for amount, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= amount:
            return f"{count / amount:.3g}{NBSP}{unit}" if count < 1000 * amount else f"{count / amount:,.0f}{NBSP}{unit}"
    return f"{count:.0f}{NBSP}bytes"


@register.filter
def roughly(seconds: float | None) -> str:
    """About how long: 40 s, 3 min, 2 h 10 min, 4 days. A forecast has no more digits than that."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))}{NBSP}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    if minutes < 48 * 60:
        return f"{minutes // 60}{NBSP}h" + (f"{NBSP}{minutes % 60}{NBSP}min" if minutes % 60 else "")
    return f"{round(minutes / 60 / 24)}{NBSP}days"


@register.simple_tag
def tokens(pieces: Iterable[Piece]) -> SafeString:
    """A row as the model sees it: one element a token, trained and special ones marked, line breaks visible."""
    return format_html_join(
        "", '<span class="{}" title="{}">{}</span>', ((_kind(p), _title(p), _visible(p.text)) for p in pieces)
    )


def _kind(piece: Piece) -> str:
    return " ".join(["tok", *(["trained"] if piece.trained else []), *(["special"] if piece.special else [])])


def _title(piece: Piece) -> str:
    return f"token {piece.id}{', trained' if piece.trained else ''}"


def _visible(text: str) -> SafeString:
    """Line breaks with a mark, so that a token that is nothing else can be seen; part of a character as a dot."""
    if not text:
        return mark_safe("·")
    return mark_safe(str(format_html("{}", text)).replace("\n", '<i class="nl">↵</i>\n'))  # noqa: S308  escaped just before
