"""Characters that are seldom meant: those that draw nothing, and those that an export, a terminal or a font has left behind.

Knows texts and the bytes of canonical lines, and nothing of rows.
"""

import re
import unicodedata

_SPACES = "".join(mark for mark in map(chr, range(0x3001)) if mark.isspace())
_FORMATS = "".join(mark for mark in map(chr, range(0x10000)) if unicodedata.category(mark) == "Cf")
_FILLERS = "\u034f\u115f\u1160\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
VEILED = frozenset(_FORMATS + _FILLERS)
"""What draws nothing and is no white space: marks of no width and of direction, soft hyphens, fillers of Hangul and Braille."""
UNSEEN = _SPACES + _FORMATS + _FILLERS

_CONTROL = b"\\u00"  # how canonical lines begin a control character
# A byte of each of the others in UTF-8 that few texts have, and more of it: a single byte is found two hundred times as fast.
_LEADS = (
    (b"\xee", b"\xee"),
    (b"\xef", b"\xef\xbf"),
    (b"\xef", b"\xef\xb7"),
    (b"\x83", b"\xc3\x83\xc2"),
    (b"\xae", b"\xe2\x80\xae"),
    (b"\xf3", b"\xf3\xa0"),
)
_SIGNS = (
    ("\ufffd", "the mark “\ufffd”, where an earlier conversion has lost a character"),
    ("Ã[\u0080-\u00bf]", "“{}”, as UTF-8 looks that was once read as Windows-1252"),
    ("[\ufdd0-\ufdef\ufffe\uffff]", "{code}, which Unicode sets aside and no text uses"),
    ("[\ue000-\uf8ff]", "{code}, which means something in one font alone"),
    ("\u202e", "{code}, which turns the direction of what follows, so that people read another text than the model"),
    (
        "(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]",
        "{code}, a letter that the model reads and people do not see",
    ),
    ("[\x00-\x08\x0b\x0e-\x1f]", "the control character {code}, as terminals and old programs leave it"),
)
_ODD = [(re.compile(sign), said) for sign, said in _SIGNS]


def blank(text: str) -> bool:
    """Whether there is nothing to see."""
    return not text or text.isspace() or not text.strip(UNSEEN)


def suspicious(block: bytes) -> bool:
    """Whether canonical lines may hold odd characters. Never False where `odd` says something."""
    return _CONTROL in block or (not block.isascii() and any(rare in block and lead in block for rare, lead in _LEADS))


def odd(texts: list[str]) -> str:
    """What is strange about the characters of a row, as a sentence; empty where nothing is."""
    found = []
    for sign, said in _ODD:
        first = next(filter(None, map(sign.search, texts)), None)
        if first:
            found.append(said.format(first[0], code=f"U+{ord(first[0][-1]):04X}"))
    return f"The text holds {'; '.join(found)}." if found else ""
