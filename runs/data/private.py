"""Personal data and secrets in texts: found by their shapes, shown only in part, masked on request."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runs.data.shapes import KINDS, Kind

BEFORE = 40  # characters that a value, with the word that tells it, may begin before what a gate finds in it


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


def possible(texts: Iterable[str], kinds: tuple[Kind, ...] = KINDS) -> tuple[Kind, ...]:
    """The kinds of which one of these texts may have a value: looked for in all at once, it costs a tenth."""
    joined = "\n".join(texts)
    return tuple(kind for kind in kinds if not kind.hints or any(hint in joined for hint in kind.hints))


def _candidates(text: str, kinds: tuple[Kind, ...]) -> Iterator[Match]:
    digits = _digits(text)
    gates: dict[tuple[re.Pattern[str], ...], int | None] = {(): 0}
    for kind in kinds:
        if digits < kind.digits or (kind.hints and not any(hint in text for hint in kind.hints)):
            continue
        if kind.gates not in gates:
            found = [match.start() for gate in kind.gates if (match := gate.search(text))]
            gates[kind.gates] = max(0, min(found) - BEFORE) if found else None
        if (start := gates[kind.gates]) is not None:
            yield from _matches(text, kind, start)


def _digits(text: str) -> int:
    """At least as many as the text has."""
    if not text.isascii():
        return len(text)
    raw = text.encode()
    return len(raw) - len(raw.translate(None, b"0123456789"))


def _matches(text: str, kind: Kind, start: int) -> Iterator[Match]:
    for found in kind.pattern.finditer(text, start):
        group = "value" if found.groupdict().get("value") is not None else 0
        if kind.check is None or kind.check(found[group]):
            yield Match(kind, found.start(group), found.end(group))


def shown(value: str) -> str:
    """A value as far as one may show it: its first and last two characters, of a short one only one each."""
    bare = " ".join(value.split())
    if bare.startswith("-----BEGIN"):
        return "-----BEGIN…"
    edge = 2 if len(bare) >= 8 else 1
    return f"{bare[:edge]}…{bare[-edge:]}"
