"""Chats counted piece by piece: what stands between two special tokens is tokenized by itself, so it may be counted by itself.

No offsets, no lists of a row's tokens, and what is said again and again is tokenized once (see `words`). Gives what
`counting.counted_chat` gives for the whole row, or None where it cannot be sure of that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import AddedToken, Encoding, Tokenizer
from tokenizers.models import BPE

from runs.data.encoded import NEVER, Counted
from runs.data.frames import Frame, Span
from runs.data.parting import steps
from runs.data.words import Own, Piece

REMEMBERED = 1_000  # plans
STEPS = frozenset({"NFC", "Replace", "ByteLevel", "Split", "Digits"})  # of tokenizers: none looks beyond its piece


@dataclass(frozen=True, slots=True)
class Part:
    """A message's piece: from the last special token before its content up to the one right behind it.

    `before` tokens of the frame come first. The piece begins with the words `opening`, of which the tokens `frame`, which are
    `spelled`, are not the speaker's.
    """

    role: str
    before: int
    opening: str
    frame: tuple[int, ...]
    spelled: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows of one frame are counted; `after` tokens of the frame come last."""

    parts: tuple[Part, ...]
    after: int

    def pieces(self, text: str, contents: Sequence[Span]) -> list[Piece]:
        return [
            Piece(part.opening, part.frame, part.spelled, text[start:end])
            for part, (start, end) in zip(self.parts, contents, strict=True)
        ]

    def counted(self, pieces: Iterable[Own | None]) -> Counted | None:
        """From what the pieces have; None where one is not known."""
        at, trained, first = 0, 0, NEVER
        roles: dict[str, int] = {}
        for part, piece in zip(self.parts, pieces, strict=True):
            if piece is None:
                return None
            alone, own = piece
            at += part.before + alone
            if part.role == "assistant":
                trained += own + 1  # with its end of turn
                first = min(first, max(at, 1))
            else:
                roles[part.role] = roles.get(part.role, 0) + own
            at += own
        return Counted(at + self.after, trained, first, len(self.parts), roles)


class Planner:
    """Plans by frame. There is none where a content does not stand between special tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        added: list[AddedToken] = list(tokenizer.get_added_tokens_decoder().values())
        self._borders = sorted((token.content for token in added if _is_border(token, added)), key=len, reverse=True)
        self._plain = bool(self._borders) and _has_plain_pieces(tokenizer)
        self._plans: dict[Frame, Plan | None] = {}

    def plan(self, frame: Frame) -> Plan | None:
        if frame not in self._plans:
            if len(self._plans) >= REMEMBERED:
                self._plans.clear()
            self._plans[frame] = self._made(frame) if self._plain else None
        return self._plans[frame]

    def _made(self, frame: Frame) -> Plan | None:
        parts = []
        for place, (role, own, ending) in enumerate(zip(frame.roles, frame.leads, frame.endings, strict=True)):
            words, behind = frame.words[place], frame.words[place + 1]
            start = self._last_border(words[: len(words) - own])
            border = next((border for border in self._borders if behind.startswith(border)), None)
            if not start or border is None or (role == "assistant" and ending != len(border)):
                return None
            skipped = words[start : len(words) - own]
            found = self._encoding(skipped)
            parts.append(Part(role, self._count(words[:start]), words[start:], tuple(found.ids), "".join(found.tokens)))
        return Plan(tuple(parts), self._count(frame.words[-1]))

    def _last_border(self, words: str) -> int:
        """Where the last special token of these words ends; 0 without one."""
        return max((at + len(border) for border in self._borders if (at := words.rfind(border)) >= 0), default=0)

    def _encoding(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _count(self, text: str) -> int:
        return len(self._encoding(text))


def _is_border(token: AddedToken, added: Sequence[AddedToken]) -> bool:
    """Whether the tokenizer parts every text at this token before it does anything else, whatever stands around it."""
    if token.normalized or token.lstrip or token.rstrip or token.single_word:
        return False
    return not any(_may_take(other.content, token.content) for other in added)


def _may_take(other: str, border: str) -> bool:
    """Whether `other` could match over an end of `border`."""
    if other != border and border in other:
        return True
    return any(_overlap(one, two) for one, two in ((other, border), (border, other)))


def _overlap(one: str, two: str) -> bool:
    return any(two.startswith(one[place:]) for place in range(1, len(one)))


def _has_plain_pieces(tokenizer: Tokenizer) -> bool:
    """Whether a piece has the same tokens wherever it stands, and they spell it in order: BPE with steps known for that."""
    if not isinstance(tokenizer.model, BPE) or tokenizer.model.dropout:
        return False
    described = [*steps(tokenizer.normalizer), *steps(tokenizer.pre_tokenizer)]
    return all(step["type"] in STEPS and not step.get("add_prefix_space") for step in described)
