"""How many tokens a text has, from its words: each is tokenized once, however often it is said.

A word reaches from a space that stands behind something else up to the next such space, see `parting`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from runs.data.parting import parts_at_spaces, words

REMEMBERED = 200_000  # words
DEAR = 8  # characters of a long text whose tokens take as long as a text of its own takes besides its characters
WORTH = 0.8  # of the time for whole texts that words may take
PATIENCE = 16  # batches at most that are counted as they are after some in which too much was new


class Piece(NamedTuple):
    """Said text behind `opening`, the words of a template that share its first word. The frame is not the speaker's: the first
    words of the opening, or all of them, which are the tokens `frame` and `spelled` by these.
    """

    opening: str
    frame: tuple[int, ...]
    spelled: str
    said: str


Own = tuple[int, int]  # tokens of the frame alone, and those behind, of which the first may begin in the frame
Counts = list[Own | None]  # of each piece; None where its tokens do not spell the frame
Work = tuple[Callable[[], list[Encoding]], Callable[[list[Encoding]], Counts]]


class Words:
    """Counts pieces in batches. Two batches may be under way at once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._split = words if parts_at_spaces(tokenizer) else lambda text: [text]
        self._known: dict[str, int] = {}
        self._firsts: dict[Piece, Own | None] = {}
        self._disappointed = self._skipping = 0

    def work(self, pieces: Sequence[Piece]) -> Work:
        """What to tokenize, perhaps in a thread, and how to count by that."""
        if len(self._known) + len(self._firsts) > REMEMBERED:
            self._known, self._firsts = {}, {}  # new ones: a batch that is under way still needs the old
        if self._skipping:
            self._skipping -= 1
            return self._whole(pieces, [])
        parted = [self._split(piece.said) for piece in pieces]
        firsts = [piece._replace(said=found.pop(0)) for piece, found in zip(pieces, parted, strict=True)]
        fresh = list(set(chain.from_iterable(parted)).difference(self._known))
        begun = list(set(firsts).difference(self._firsts))
        cost = sum(map(len, fresh)) + DEAR * (len(fresh) + len(begun)) + sum(len(one.opening) + len(one.said) for one in begun)
        if cost > WORTH * sum(len(piece.opening) + len(piece.said) + DEAR for piece in pieces):
            self._disappointed = self._skipping = min(2 * self._disappointed + 1, PATIENCE)
            often = Counter(chain.from_iterable(parted))
            return self._whole(pieces, [word for word in fresh if often[word] > 1])
        self._disappointed = 0
        return self._by_words(firsts, parted, begun, fresh)

    def _by_words(self, firsts: list[Piece], parted: list[list[str]], begun: list[Piece], fresh: list[str]) -> Work:
        known, beginnings = self._known, self._firsts
        texts = [piece.opening + piece.said for piece in begun] + [f" {word}" for word in fresh]

        def count(encodings: list[Encoding]) -> Counts:
            beginnings.update(zip(begun, map(self._own, begun, encodings), strict=False))
            known.update(zip(fresh, map(len, encodings[len(begun) :]), strict=True))
            heads = map(beginnings.__getitem__, firsts)
            tails = (sum(map(known.__getitem__, found)) for found in parted)
            return [None if head is None else (head[0], head[1] + tail) for head, tail in zip(heads, tails, strict=True)]

        return lambda: self._encode(texts), count

    def _whole(self, pieces: Sequence[Piece], learned: list[str]) -> Work:
        """Too much is new: each different piece as it is, and the words that will perhaps come again."""
        known = self._known
        different = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
        texts = [piece.opening + piece.said for piece in different] + [f" {word}" for word in learned]

        def count(encodings: list[Encoding]) -> Counts:
            known.update(zip(learned, map(len, encodings[len(different) :]), strict=True))
            own = list(map(self._own, different, encodings))
            return [own[different[piece]] for piece in pieces]

        return lambda: self._encode(texts), count

    def _own(self, piece: Piece, encoding: Encoding) -> Own | None:
        alone: int | None = len(piece.frame)
        if alone and tuple(encoding.ids[:alone]) != piece.frame:
            alone = _alone(encoding.ids, piece.spelled, self._tokenizer.id_to_token)
        return None if alone is None else (alone, len(encoding) - alone)

    def _encode(self, texts: list[str]) -> list[Encoding]:
        found: list[Encoding] = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return found


def _alone(ids: Iterable[int], spelled: str, spell: Callable[[int], str | None]) -> int | None:
    """How many of these tokens spell only the frame; None where they do not spell it."""
    written = ""
    for place, number in enumerate(ids):
        if written == spelled:
            return place
        written += spell(number) or ""
        if not spelled.startswith(written):
            return place if written.startswith(spelled) else None
    return None
