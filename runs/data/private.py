"""Personal data and secrets in texts: found by their shapes, shown only in part, masked on request."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runs.data.shapes import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Match:
    """A private value from `start` to `end` of a text."""

    kind: Kind
    start: int
    end: int


def find(text: str, kinds: tuple[Kind, ...] = KINDS) -> list[Match]:
    """What is private in a text, from left to right, without overlaps."""
    taken: list[Match] = []
    for match in _candidates(text, kinds):
        if all(match.end <= other.start or match.start >= other.end for other in taken):
            taken.append(match)
    return sorted(taken, key=lambda match: match.start)


def _candidates(text: str, kinds: tuple[Kind, ...]) -> Iterator[Match]:
    gates: dict[re.Pattern[str] | None, bool] = {None: True}
    for kind in kinds:
        if kind.hints and not any(hint in text for hint in kind.hints):
            continue
        if kind.gate not in gates:
            gates[kind.gate] = kind.gate is None or kind.gate.search(text) is not None
        if gates[kind.gate]:
            yield from _matches(text, kind)


def _matches(text: str, kind: Kind) -> Iterator[Match]:
    for found in kind.pattern.finditer(text):
        group = "value" if found.groupdict().get("value") is not None else 0
        if kind.check is None or kind.check(found[group]):
            yield Match(kind, found.start(group), found.end(group))


def mask(text: str, kinds: tuple[Kind, ...] = KINDS) -> tuple[str, int]:
    """The text with `[EMAIL]`, `[PHONE]`, ... in place of what is private, and how many values that were."""
    matches = find(text, kinds)
    for match in reversed(matches):
        text = text[: match.start] + match.kind.mask + text[match.end :]
    return text, len(matches)


def shown(value: str) -> str:
    """A value as far as one may show it: its first and last two characters, of a short one only one each."""
    bare = " ".join(value.split())
    if bare.startswith("-----BEGIN"):
        return "-----BEGIN…"
    edge = 2 if len(bare) >= 8 else 1
    return f"{bare[:edge]}…{bare[-edge:]}"
