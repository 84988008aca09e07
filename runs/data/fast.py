"""The fast path: lines that are plainly right, parsed, checked and written by msgspec, hundreds of them in one breath.

It says nothing of what is wrong. Whatever it declines goes line by line through `rules`, which accepts the same rows and
writes the same bytes; a test holds the two together.
"""

from collections.abc import Callable
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np

from runs.contract.spec import TaskType
from runs.data.rules import good_order

LONG = 1_000_000  # bytes of a row that is pointed out
ESCAPED_NUL = b"\\u0000"  # how JSON writes the one character that databases do not take
SUSPECT = ESCAPED_NUL, "\u200b".encode(), "\ufeff".encode()  # the others are seldom meant: a text may hold nothing else
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


def _chats(rows: list[Chat]) -> bool:
    conversations = list(map(_messages, rows))
    orders = {tuple(map(_role, messages)) for messages in conversations}
    return all(map(good_order, orders)) and _filled(list(map(_content, chain.from_iterable(conversations))))


def _pairs(rows: list[Pair]) -> bool:
    return _filled(list(map(_prompt, rows))) and _filled(list(map(_response, rows)))


def _texts(rows: list[Text]) -> bool:
    return _filled(list(map(_text, rows)))


def _filled(texts: list[str]) -> bool:
    return all(texts) and not any(map(str.isspace, texts))


SHAPES: dict[TaskType, tuple[Any, Callable[[Any], bool]]] = {
    TaskType.CHAT_COMPLETION: (Chat, _chats),
    TaskType.INSTRUCTION_FINETUNE: (Pair, _pairs),
    TaskType.CONTINUED_PRETRAIN: (Text, _texts),
}


class Fast:
    """Both ways, from lines to rows and back, for the rows of one task."""

    def __init__(self, task: TaskType) -> None:
        shape, self._good = SHAPES[task]
        self._decode = msgspec.json.Decoder(shape).decode
        self._encode = msgspec.json.Encoder().encode_lines

    def written(self, lines: list[bytes]) -> bytes | None:
        """The canonical lines of a block whose every line is a good row; None where one needs a closer look."""
        try:
            rows = list(map(self._decode, lines))
        except (ValueError, RecursionError):  # msgspec's errors and those of UTF-8 are ValueErrors
            return None
        if not self._good(rows):
            return None
        block: bytes = self._encode(rows)
        raw = b"".join(lines)
        if any(mark in block for mark in SUSPECT) or (len(raw) > LONG and max(map(len, lines)) > LONG):
            return None
        if _quotes(block) != _quotes(
            raw
        ):  # a key that is there twice leaves the parser once; escaped quotes raise a false alarm
            return None
        return block


def _quotes(text: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == QUOTE))
