"""Sizes of models, and rows as tokens, as pages show them. Times, bytes and states are in `marks`."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.data.rendering import Piece
from runs.data.report import Group
from runs.services.estimates import Estimate
from runs.services.showing import Rendered
from runs.templatetags.marks import span

register = template.Library()
NBSP = "\N{NO-BREAK SPACE}"
FEW = 5  # lines named in a heading


@register.filter
def parameters(count: int) -> str:
    """135 M, 1.2 B: as model cards count."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{NBSP}{unit}"
    return str(count)


@register.filter
def takes(estimate: Estimate) -> str:
    """How long a run will take: exactly where it was measured, about where it was calculated."""
    if estimate.seconds is None:
        return "not known yet"
    if estimate.seconds < 1:
        return "under a second"
    return f"{'' if estimate.basis == 'measured' else '~'}{span(estimate.seconds)}"


@register.filter
def one_remedy(group: Group | dict[str, Any]) -> str:
    """What to do, if it is the same for every problem listed in a group of a report; else nothing."""
    found = group if isinstance(group, dict) else group.model_dump()
    remedies = {problem["remedy"] for problem in found["problems"]}
    return str(remedies.pop()) if len(remedies) == 1 else ""


@register.filter
def places(group: Group | dict[str, Any]) -> str:
    """The first lines that a group of a report names: lines 18, 19, 251 …; empty where it names none."""
    found = group if isinstance(group, dict) else group.model_dump()
    lines = list(dict.fromkeys(problem["line"] for problem in found["problems"] if problem["line"]))
    listed = ", ".join(f"{line:,}" for line in lines[:FEW])
    return f"line{'' if len(lines) == 1 else 's'} {listed}{' …' if found['count'] > FEW else ''}" if lines else ""


@register.simple_tag
def tokens(row: Rendered) -> SafeString:
    """A row as the model sees it: one element a token, trained and special ones marked, line breaks visible, the cut drawn."""
    kept, lost = _tokens(row.pieces[: row.cut], True), _tokens(row.pieces[row.cut :], False)
    if not row.lost:
        return kept
    mark = format_html('<span class="cut">cut here, after {} tokens</span>', f"{row.cut:,}")
    return format_html("{}{}{}", kept, mark if row.cut <= len(row.pieces) else "", lost)


def _tokens(pieces: Iterable[Piece], kept: bool) -> SafeString:
    return format_html_join(
        "", '<span class="{}" title="{}">{}</span>', ((_kind(p, kept), _title(p, kept), _visible(p.text)) for p in pieces)
    )


@register.filter
def hidden(row: Rendered) -> int:
    """Tokens that are not drawn."""
    return row.tokens - len(row.pieces)


def _kind(piece: Piece, kept: bool) -> str:
    marks = {"trained": piece.trained and kept, "special": piece.special, "lost": not kept}
    return " ".join(["tok", *(name for name, holds in marks.items() if holds)])


def _title(piece: Piece, kept: bool) -> str:
    return f"token {piece.id}{', trained' if piece.trained and kept else ''}{'' if kept else ', cut off'}"


def _visible(text: str) -> SafeString:
    """Line breaks with a mark, so that a token that is nothing else can be seen; part of a character as a dot."""
    if not text:
        return SafeString("·")
    return format_html_join(SafeString('<i class="nl">↵</i>\n'), "{}", ((line,) for line in text.split("\n")))
