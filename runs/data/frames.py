"""A chat template's words around contents, learned once for each order of roles and laid over every row of that order.

A frame only saves work: it holds for a row when its words and the row's contents, put together, are what the template made of
the row, to the character. Where it does not hold, the caller looks closer.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from runs.data.template import ChatTemplate, Message, TemplateError

Span = tuple[int, int]  # first character, one past the last
Measure = Callable[[str, str, str], tuple[int, int]]

REMEMBERED = 1_000  # orders of roles: user and assistant; system, user and assistant; ...
SLOT = re.compile("\ufdd2([0-9]+)\ufdd3")


def slotted(messages: Sequence[Message], roles: frozenset[str]) -> list[Message]:
    """The messages with numbered slots in place of the contents of these roles."""
    return [
        {**message, "content": f"\ufdd2{index}\ufdd3"} if message["role"] in roles else message
        for index, message in enumerate(messages)
    ]


@dataclass(frozen=True, slots=True)
class Frame:
    """`words` stand before, between and behind the contents. An answer begins `leads` characters before its content, for what
    the model writes itself, and ends `endings` after it; both are 0 for what others say.
    """

    roles: tuple[str, ...]
    words: tuple[str, ...]
    leads: tuple[int, ...]
    endings: tuple[int, ...]

    def spans(self, text: str, contents: Sequence[str]) -> list[Span] | None:
        """Where each content stands in `text`; None if the two do not go together to the character."""
        joined = chain.from_iterable(zip(self.words, contents, strict=False))
        if "".join((*joined, self.words[-1])) != text:
            return None
        found, position = [], 0
        for word, content in zip(self.words, contents, strict=False):
            position += len(word)
            found.append((position, position := position + len(content)))
        return found


class Frames:
    """Frames by the order of roles. `measure` gives an answer's lead and ending from the words before, behind and last."""

    def __init__(self, template: ChatTemplate, measure: Measure) -> None:
        self._template, self._measure = template, measure
        self._frames: dict[tuple[str, ...], Frame | None] = {}

    def of(self, roles: tuple[str, ...]) -> Frame | None:
        """None where the template does not say each content once and in order."""
        if roles not in self._frames:
            if len(self._frames) >= REMEMBERED:
                self._frames.clear()
            self._frames[roles] = self._learned(roles)
        return self._frames[roles]

    def _learned(self, roles: tuple[str, ...]) -> Frame | None:
        messages = [{"role": role, "content": ""} for role in roles]
        try:
            parts = SLOT.split(self._template.render(slotted(messages, frozenset(roles))))
        except TemplateError:
            return None
        words, places = parts[::2], [int(part) for part in parts[1::2]]
        if places != list(range(len(roles))):
            return None
        own = [
            self._measure(words[place], words[place + 1], words[-1]) if role == "assistant" else (0, 0)
            for place, role in enumerate(roles)
        ]
        return Frame(roles, tuple(words), tuple(lead for lead, _ in own), tuple(ending for _, ending in own))
