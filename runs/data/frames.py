"""A chat template's words around contents, learned once for each order of roles and laid over every row of that order.

A frame only saves work: it holds for a row when its words and the row's contents, put together, are what the template made of
the row, to the character. Where it does not hold, the caller looks closer.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from runs.data.passing import Passed, Way, now
from runs.data.template import ChatTemplate, Message, TemplateError

Span = tuple[int, int]  # first character, one past the last
Measure = Callable[[tuple[str, ...], tuple[str, ...]], tuple[Sequence[tuple[int, int]], bool]]

TOLD = 2  # keys of a message that has nothing but a role and a content
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
    the model writes itself, and ends `endings` after it; both are 0 for what others say. `ways` is how each content is written,
    where the template writes all contents so (else it is empty), as long as the `times` that it asked for are these.
    """

    roles: tuple[str, ...]
    words: tuple[str, ...]
    leads: tuple[int, ...]
    endings: tuple[int, ...]
    ways: tuple[Way, ...] = ()
    times: tuple[tuple[str, str], ...] = ()

    @property
    def current(self) -> bool:
        return all(now(form) == told for form, told in self.times)

    def written(self, messages: Sequence[Message]) -> list[str] | None:
        """The contents as the template writes them, without asking it; None where it must be asked."""
        if not self.ways:
            return None
        contents = [way(message["content"]) for way, message in zip(self.ways, messages, strict=True)]
        plain = all(len(message) == TOLD for message in messages) and all(contents) and not any(map(str.isspace, contents))
        return contents if plain else None

    def text(self, contents: Sequence[str]) -> str:
        return "".join((*chain.from_iterable(zip(self.words, contents, strict=False)), self.words[-1]))

    def places(self, contents: Sequence[str]) -> list[Span]:
        """Where each content stands in `text(contents)`."""
        found, position = [], 0
        for word, content in zip(self.words, contents, strict=False):
            position += len(word)
            found.append((position, position := position + len(content)))
        return found

    def spans(self, text: str, contents: Sequence[str]) -> list[Span] | None:
        """Where each content stands in `text`; None if the two do not go together to the character."""
        return self.places(contents) if self.text(contents) == text else None


class Frames:
    """Frames by the order of roles. `measure` gives each message's lead and ending from the roles and the words, and whether
    they are these whatever is said.
    """

    def __init__(self, template: ChatTemplate, measure: Measure) -> None:
        self._template, self._measure = template, measure
        self._frames: dict[tuple[str, ...], Frame | None] = {}

    def of(self, roles: tuple[str, ...]) -> Frame | None:
        """None where the template does not say each content once and in order."""
        if (found := self._frames.get(roles)) is None or not found.current:
            if roles in self._frames and found is None:
                return None
            if len(self._frames) >= REMEMBERED:
                self._frames.clear()
            found = self._frames[roles] = self._learned(roles)
        return found

    def _learned(self, roles: tuple[str, ...]) -> Frame | None:
        found = self._template.passed(roles) or self._tried(roles)
        if found is None or found.places != tuple(range(len(roles))):
            return None
        words = found.words
        own, always = self._measure(roles, words)
        leads, endings = zip(*own, strict=True)
        return Frame(roles, words, leads, endings, found.ways if always else (), found.times)

    def _tried(self, roles: tuple[str, ...]) -> Passed | None:
        """What becomes of some contents. That others fare the same must be seen row by row."""
        messages = [{"role": role, "content": ""} for role in roles]
        try:
            parts = SLOT.split(self._template.render(slotted(messages, frozenset(roles))))
        except TemplateError:
            return None
        return Passed(tuple(parts[::2]), tuple(map(int, parts[1::2])))
