"""Where in a rendered conversation the assistant speaks: the characters that training learns.

A turn reaches from where the model takes over (after the generation prompt) through its end-of-turn token. Knows characters
only, no tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from runs.data.frames import SLOT, Frame, Frames, Span, slotted
from runs.data.template import CLOSE, OPEN, ChatTemplate, Message, TemplateError

__all__ = ["Answers", "Rendered", "Span"]

ASSISTANT = frozenset({"assistant"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text, and the spans of it that the assistant writes, in order."""

    text: str
    answers: list[Span]
    contents: list[Span] | None = None
    """Where each message's content stands; None where the template changes or moves what was said."""
    frame: Frame | None = None
    """By which the answers were found."""


class Answers:
    """Finds the assistant's turns. `specials` are the tokenizer's special tokens, one of which ends a turn."""

    def __init__(self, template: ChatTemplate, specials: Sequence[str]) -> None:
        self._template = template
        words = "|".join(re.escape(special) for special in sorted(specials, key=len, reverse=True))
        self._special = re.compile(rf"\s*({words})") if specials else re.compile(r"(?!)")
        self._specials = tuple(specials)
        self._frames = Frames(template, self._measured)

    def render(self, messages: Sequence[Message]) -> Rendered:
        """Raises TemplateError."""
        roles = tuple([message["role"] for message in messages])
        frame = self._frames.of(roles) if "assistant" in roles else None
        if frame and (contents := frame.written(messages)):
            found = _answered(frame, frame.text(contents), frame.places(contents))
            if not (self._template.marks_generation and self._ends_itself(found)):
                return found
        text = self._template.render(messages)
        framed = _framed(frame, messages, text) if frame else None
        if self._template.marks_generation and (spans := self._marked(messages, text)) is not None:
            return Rendered(text, spans, framed.contents if framed else None)
        return framed or Rendered(text, self._slotted(messages, text))

    def _measured(self, roles: tuple[str, ...], words: tuple[str, ...]) -> tuple[list[Span], bool]:
        """Each message's lead and ending, and whether they are always so."""
        own = [
            (self._lead(words[place]), self._ending(words[place + 1], words[-1])) if role == "assistant" else (0, 0)
            for place, role in enumerate(roles)
        ]
        if not self._template.marks_generation:
            return own, True
        marked = self._measured_by_marks(roles, words)
        return (marked, True) if marked else (own, False)

    def _measured_by_marks(self, roles: tuple[str, ...], words: tuple[str, ...]) -> list[Span] | None:
        """As one conversation is marked, if all are marked so."""
        frame = Frame(roles, words, (), ())
        contents = ["x"] * len(roles)
        messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
        if self._template.passed(roles, marked=True) is None:
            return None
        spans = iter(self._marked(messages, frame.text(contents)) or ())
        own = [(0, 0)] * len(roles)
        for place, (start, end) in enumerate(frame.places(contents)):
            if roles[place] == "assistant":
                opened, closed = next(spans, (end, start))
                own[place] = (start - opened, closed - end)
        held = all(lead >= 0 and ending >= 0 for lead, ending in own)
        return own if held and next(spans, None) is None else None

    def _ends_itself(self, row: Rendered) -> bool:
        """Whether somebody wrote a special token at the end of an answer, where a block's end is looked for."""
        spans = zip(row.frame.roles if row.frame else (), row.contents or (), strict=False)
        return any(role == "assistant" and row.text.endswith(self._specials, *span) for role, span in spans)

    def _marked(self, messages: Sequence[Message], text: str) -> list[Span] | None:
        """Spans from the template's own `{% generation %}` blocks; None where it has none that hold."""
        pieces = re.split(f"([{OPEN}{CLOSE}])", self._template.render(messages, marked=True))
        if "".join(pieces[::2]) != text or len(pieces) == 1:
            return None
        spans, start, position = [], 0, 0
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                position += len(piece)
            elif piece == OPEN:
                start = position
            else:
                spans.append((start, self._closed(text, start, position)))
        return spans

    def _closed(self, text: str, start: int, end: int) -> int:
        """Include an end-of-turn token that the block's author left just outside."""
        if any(text.endswith(match[1], start, end) for match in self._special.finditer(text, start, end)):
            return end
        after = self._special.match(text, end)
        return after.end() if after and after.start(1) == end else end

    def _slotted(self, messages: Sequence[Message], text: str) -> list[Span]:
        """Render once more with numbered slots for the assistant's contents, and lay the two renderings side by side."""
        parts = SLOT.split(self._template.render(slotted(messages, ASSISTANT)))
        frame, indices = parts[::2], [int(part) for part in parts[1::2]]
        if not indices or not text.startswith(frame[0]):
            raise TemplateError(
                "This model's chat template leaves out what the assistant says, so there is nothing to train on."
            )
        spans, position = [], len(frame[0])
        for index, (before, after) in zip(indices, pairwise(frame), strict=True):
            content_end = _content_end(text, position, str(messages[index]["content"]), after, last=index == indices[-1])
            spans.append((position - self._lead(before), content_end + self._ending(after, frame[-1])))
            position = content_end + len(after)
        return spans

    def _lead(self, before: str) -> int:
        """How many characters in front of the content the model writes itself, such as a space or an empty thought."""
        turn = self._template.turn
        at = before.rfind(turn) if turn else -1
        return len(before) - at - len(turn) if at >= 0 else 0

    def _ending(self, after: str, end: str) -> int:
        """Length of the end-of-turn token at the start of `after`; the last turn's `end` shows which token that is."""
        end_of_turn = self._special.match(end)
        return end_of_turn.end() if end_of_turn and after.startswith(end_of_turn[0]) else 0


def _framed(frame: Frame, messages: Sequence[Message], text: str) -> Rendered | None:
    """With the contents as they are or, as many templates write them, stripped."""
    said = [message["content"] for message in messages]
    spans = frame.spans(text, said) or frame.spans(text, [content.strip() for content in said])
    return _answered(frame, text, spans) if spans else None


def _answered(frame: Frame, text: str, spans: list[Span]) -> Rendered:
    answers = [
        (start - lead, end + ending)
        for role, (start, end), lead, ending in zip(frame.roles, spans, frame.leads, frame.endings, strict=True)
        if role == "assistant"
    ]
    return Rendered(text, answers, spans, frame)


def _content_end(text: str, start: int, content: str, after: str, *, last: bool) -> int:
    for written in (content, content.strip(), content.rstrip(), content.lstrip()):
        end = start + len(written)
        if text.startswith(written, start) and text.startswith(after, end) and (not last or end + len(after) == len(text)):
            return end
    end = len(text) - len(after) if last else text.find(after, start)
    if end < start or not text.startswith(after, end):
        raise TemplateError(
            "This model's chat template changes the conversation so much that the answers cannot be found in it."
        )
    return end
