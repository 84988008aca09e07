"""Heads and links of a table whose order and page stand in its address."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.web.listing import Listing

register = template.Library()


@register.simple_tag
def column(listing: Listing, key: str, label: str, kind: str = "") -> SafeString:
    """A column's head as a link that sorts by it."""
    direction = {key: "ascending", f"-{key}": "descending"}.get(listing.sort)
    if direction is None:
        return format_html('<th scope="col" class="{}"><a href="{}">{}</a></th>', kind, listing.sort_address(key), label)
    arrow = "↑" if direction == "ascending" else "↓"
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a href="{}">{} <span aria-hidden="true">{}</span></a></th>',
        kind,
        direction,
        listing.sort_address(key),
        label,
        arrow,
    )


@register.simple_tag
def page_address(listing: Listing, number: int) -> str:
    return listing.address(page=str(number))
