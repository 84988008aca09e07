"""Findings of a data set, their remedies and what is being measured, in the words of pages."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.data.findings import Finding
from runs.data.remedies import RemedyKind
from runs.services.naming import ENDINGS

register = template.Library()

REMEDIES = {
    "drop_duplicates": "Drop the copies",
    "drop_near_duplicates": "Drop copies and near copies",
    "drop_leaked": "Remove these rows from the training data",
    "drop_empty_answers": "Drop these rows",
    "drop_one_word_answers": "Drop these rows",
    "drop_long": "Drop rows that are too long",
    "mask": "Mask personal data and secrets",
    "split": "Split off evaluation data",
}
COUNTING = {
    "contents": "Looking for copies, private data and languages",
    "tokens": "Counting tokens",
    "overlap": "Comparing with the evaluation set",
}


@register.filter
def remedy(kind: str) -> str:
    """What a remedy's button says."""
    return REMEDIES.get(kind, kind)


@register.filter
def ending(kind: str) -> str:
    """With what the name of the new data set ends."""
    return ENDINGS.get(RemedyKind(kind), kind)


@register.filter
def counting(measure: str) -> str:
    return COUNTING.get(measure, measure)


@register.filter
def named(finding: Finding) -> list[tuple[int, str]]:
    """The rows of a finding, each with what may be said of it."""
    return [(row, finding.shown[at] if at < len(finding.shown) else "") for at, row in enumerate(finding.rows)]


@register.filter
def found(text: str, words: str) -> SafeString:
    """A text with the words that were searched for marked, whatever their case."""
    if not words:
        return format_html("{}", text)
    parts = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE)
    marked = (format_html("<mark>{}</mark>" if at % 2 else "{}", part) for at, part in enumerate(parts))
    return format_html_join("", "{}", ((part,) for part in marked))
