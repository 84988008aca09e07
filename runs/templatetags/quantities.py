"""Sizes of models, and rows as tokens, as pages show them. Times, bytes and states are in `marks`."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from runs.data.profile import Profile
from runs.data.rendering import Piece
from runs.data.report import Group

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
def one_remedy(group: Group | dict[str, Any]) -> str:
    """What to do, if it is the same for every problem listed in a group of a report; else nothing."""
    found = group if isinstance(group, dict) else group.model_dump()
    remedies = {problem["remedy"] for problem in found["problems"]}
    return str(remedies.pop()) if len(remedies) == 1 else ""


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


@register.simple_tag
def lengths(profile: Profile) -> SafeString:
    """Bars of how many rows have how many tokens. The numbers stand in each bar's title and in a text beside the picture."""
    highest = max((found.rows for found in profile.histogram), default=1)
    width = 480 / max(1, len(profile.histogram))
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                round(place * width, 1),
                round(64 - 60 * found.rows / highest, 1),
                round(width - 1, 1),
                round(60 * found.rows / highest, 1),
                f"{found.start:,} to {found.end - 1:,} tokens: {found.rows:,} rows",
            )
            for place, found in enumerate(profile.histogram)
        ),
    )
    label = f"Rows by length, from 0 to {profile.longest:,} tokens"
    drawing = '<svg class="lengths" viewBox="0 0 480 64" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    return format_html(drawing, label, bars)
