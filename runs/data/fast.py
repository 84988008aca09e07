"""The fast path: lines that are plainly right, parsed, checked and written by msgspec, hundreds of them in one breath.

It says nothing of what is wrong. Whatever it declines goes line by line through `rules`, which accepts the same rows and
writes the same bytes; a test holds the two together.
"""

from collections.abc import Callable
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, Literal

import msgspec
import numpy as np

from runs.contract.spec import TaskType
from runs.data.marks import VEILED, suspicious
from runs.data.rules import good_order

LONG = 1_000_000  # bytes of a row that is pointed out
ESCAPED_NUL = b"\\u0000"  # how JSON writes the one character that databases do not take
QUOTE = ord('"')


class Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    content: str


class Chat(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[Message]


class Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    prompt: str
    response: str


class Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    text: str


_messages, _role, _content = attrgetter("messages"), attrgetter("role"), attrgetter("content")
_prompt, _response, _text = attrgetter("prompt"), attrgetter("response"), attrgetter("text")
_first = itemgetter(0)


def _chats(rows: list[Chat]) -> bool:
    conversations = map(_messages, rows)
    orders = {tuple(map(_role, messages)) for messages in conversations}
    return all(map(good_order, orders))


def _contents(rows: list[Chat]) -> list[str]:
    return list(map(_content, chain.from_iterable(map(_messages, rows))))


def _both(rows: list[Pair]) -> list[str]:
    return [*map(_prompt, rows), *map(_response, rows)]


def _all_text(rows: list[Text]) -> list[str]:
    return list(map(_text, rows))


def _filled(texts: list[str]) -> bool:
    return all(texts) and not any(map(str.isspace, texts))


def _seen(texts: list[str]) -> bool:
    """Whether each of these filled texts begins with something to see, white space aside: else it may hold nothing else."""
    return VEILED.isdisjoint(map(_first, map(str.strip, texts)))


SHAPES: dict[TaskType, tuple[Any, Callable[[Any], list[str]]]] = {
    TaskType.CHAT_COMPLETION: (Chat, _contents),
    TaskType.INSTRUCTION_FINETUNE: (Pair, _both),
    TaskType.CONTINUED_PRETRAIN: (Text, _all_text),
}


class Fast:
    """Both ways, from lines to rows and back, for the rows of one task."""

    def __init__(self, task: TaskType) -> None:
        shape, self._texts = SHAPES[task]
        self._chats = task is TaskType.CHAT_COMPLETION
        self._decode = msgspec.json.Decoder(shape).decode
        self._encode = msgspec.json.Encoder().encode_lines

    def written(self, lines: list[bytes]) -> bytes | None:
        """The canonical lines of a block whose every line is a good row; None where one needs a closer look."""
        try:
            rows = list(map(self._decode, lines))
        except (ValueError, RecursionError):  # msgspec's errors and those of UTF-8 are ValueErrors
            return None
        texts = self._texts(rows)
        if not _filled(texts) or (self._chats and not _chats(rows)):
            return None
        block: bytes = self._encode(rows)
        raw = b"".join(lines)
        if suspicious(block) or not (block.isascii() or _seen(texts)) or (len(raw) > LONG and max(map(len, lines)) > LONG):
            return None
        if _quotes(block) != _quotes(
            raw
        ):  # a key that is there twice leaves the parser once; escaped quotes raise a false alarm
            return None
        return block


def _quotes(text: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == QUOTE))
