"""Text that nobody may look into: contents of messages, and what is joined to them.

It may be passed on, joined to other text, stripped, and asked whether it is there. Whatever else is done with it (compare,
search, split, measure) fails.
"""

from collections.abc import Iterable, Sequence
from re import compile as pattern
from typing import NoReturn

Part = str | tuple[int, bool, bool]  # words; or a message's number, and whether its content is stripped on the left and right

SLOT = pattern("\ufdd2([0-9]+)([LNRB])\ufdd3")  # a content in text: not stripped, or left, right or on both sides
SIDES = {(False, False): "N", (True, False): "L", (False, True): "R", (True, True): "B"}


class OpaqueError(Exception):
    """A template looks into a content. Not one of the errors that Jinja catches."""


class Opaque:
    """Text in which contents stand that nobody may look into."""

    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)

    def __add__(self, other: object) -> "Opaque":
        return Opaque((*self.parts, *parts(other)))

    def __radd__(self, other: object) -> "Opaque":
        return Opaque((*parts(other), *self.parts))

    def strip(self) -> "Opaque":
        return self.lstrip().rstrip()

    def lstrip(self) -> "Opaque":
        return Opaque(_stripped(self.parts, left=True))

    def rstrip(self) -> "Opaque":
        return Opaque(reversed(_stripped(self.parts[::-1], left=False)))

    def __bool__(self) -> bool:
        return True  # no content is blank

    def __eq__(self, other: object) -> bool:
        return False if other is None or other == "" else refuse()

    __hash__ = None  # type: ignore[assignment] # it has no value to be found by

    def __str__(self) -> str:
        refuse()

    __repr__ = __str__

    def __getattr__(self, name: str) -> NoReturn:
        refuse()


def concatenated(values: Sequence[object]) -> Opaque | str:
    if not any(isinstance(value, Opaque) for value in values):
        return "".join(map(str, values))
    return Opaque(part for value in values for part in parts(value if isinstance(value, Opaque) else str(value)))


def put_out(value: object) -> object:
    if not isinstance(value, Opaque):
        return value
    return "".join(part if isinstance(part, str) else f"\ufdd2{part[0]}{SIDES[part[1:]]}\ufdd3" for part in value.parts)


def parts(value: object) -> Sequence[Part]:
    if isinstance(value, Opaque):
        return value.parts
    if not isinstance(value, str):
        refuse()
    found = SLOT.split(value)
    read: list[Part] = [(int(place), side in "LB", side in "RB") for place, side in zip(found[1::3], found[2::3], strict=True)]
    return [part for pair in zip(found[::3], [*read, ""], strict=True) for part in pair if part != ""]


def _stripped(parts: Sequence[Part], *, left: bool) -> list[Part]:
    """Without white space at the side that comes first here; no content is blank, so stripping ends there at the latest."""
    for place, part in enumerate(parts):
        if not isinstance(part, str):
            number, on_left, on_right = part
            return [(number, on_left or left, on_right or not left), *parts[place + 1 :]]
        if rest := part.lstrip() if left else part.rstrip():
            return [rest, *parts[place + 1 :]]
    return []


def refuse() -> NoReturn:
    raise OpaqueError
