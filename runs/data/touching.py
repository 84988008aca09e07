"""Which tokens touch a span of characters: the first, and one past the last. Tokens between two that do are inside.

Asks the encoding about the span's two ends, so that no list of offsets is made of a row.
"""

from bisect import bisect_left, bisect_right

from tokenizers import Encoding

from runs.data.frames import Span

MISSES = 16  # characters in no token, as spaces where offsets are trimmed, after which the whole list is looked at


def touching(encoding: Encoding, span: Span, characters: int) -> Span:
    """As a range of tokens; `characters` is the length of the encoded text. Empty, or turned round, where none touches."""
    (start, end), tokens = span, len(encoding)
    first = _at(encoding, start, end)
    past = tokens if end >= characters else _at(encoding, end, characters)
    if first is None or past is None:
        return _searched(encoding, start, end)
    while first and _span(encoding, first - 1)[1] > start:
        first -= 1
    while past < tokens and _span(encoding, past)[0] < end:
        past += 1
    while past and _span(encoding, past - 1)[0] >= end:
        past -= 1
    return first, past


def _at(encoding: Encoding, place: int, end: int) -> int | None:
    """The token of the first character from `place` on that is in one, if that is soon."""
    for character in range(place, min(end, place + MISSES)):
        found: int | None = encoding.char_to_token(character)
        if found is not None:
            return found
    return None


def _span(encoding: Encoding, token: int) -> Span:
    start, end = encoding.token_to_chars(token) or (0, 0)
    return start, end


def _searched(encoding: Encoding, start: int, end: int) -> Span:
    offsets = encoding.offsets
    first = bisect_right([past for _, past in offsets], start)
    return first, bisect_left([begin for begin, _ in offsets], end)
