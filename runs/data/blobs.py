"""Texts that are not written but encoded: base64, hexadecimal digits, and what mail programs make of letters with accents.

A model would learn the code and not the words. Only what is nearly the whole of a text counts.
"""

import base64
import binascii
import re

READ = 1 << 14  # characters that are looked at
FEWEST = 120  # below which nothing is said
MOSTLY = 0.9  # of a text
OFTEN = 20  # codes in a text, at one in so many characters or more, so that it is not one that tells of them
RARELY = 200

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{40,}={0,2}\s*)+")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:,]?){30,}")
_DUMP = re.compile(r"(?:[0-9A-Fa-f]{6,8}:? +(?:[0-9A-Fa-f]{2,4} +){8,}.*\n){3}")
_MIXED = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])")
_CODES = {
    "quoted-printable, as mail is sent": re.compile(r"=[0-9A-F]{2}(?:=[0-9A-F]{2})*|=\n"),
    "written in UTF-7": re.compile(r"\+[A-Za-z0-9+/]{2,}-"),
    "percent-encoded, as addresses are": re.compile(r"%[0-9A-F]{2}"),
    "full of JSON's escapes": re.compile(r"\\u[0-9a-fA-F]{4}"),
    "full of HTML entities": re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});"),
}


def encoded(text: str) -> str | None:
    """A sentence about what a text is encoded as, and what it says where that can be shown; None if it is written as it is."""
    seen = text[:READ].replace("\r\n", "\n")
    if len(seen) < FEWEST:
        return None
    if seen.startswith("begin ") and re.match(r"begin [0-7]{3} \S", seen):
        return "This text is uuencoded."
    if _DUMP.match(seen):
        return "This is a dump of bytes, as hexdump or xxd write it."
    if _share(_HEX, seen) > MOSTLY and re.search(r"[0-9]", seen):
        return f"Nearly all of this text is hexadecimal digits{_shown(_unhexed(seen))}."
    if _share(_BASE64, seen) > MOSTLY and _MIXED.match(seen):
        return f"Nearly all of this text is base64{_shown(_decoded(seen))}."
    for name, code in _CODES.items():
        if seen.isascii() and len(code.findall(seen)) >= max(OFTEN, len(seen) / RARELY):
            return f"This text is {name}."
    return None


def _share(pattern: re.Pattern[str], text: str) -> float:
    return sum(len(match[0]) for match in pattern.finditer(text)) / len(text)


def _decoded(text: str) -> bytes:
    bare = re.sub(r"\s", "", text).translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(bare[: len(bare) // 4 * 4])
    except binascii.Error:
        return b""


def _unhexed(text: str) -> bytes:
    bare = re.sub(r"0x|\\x|[^0-9A-Fa-f]", "", text)
    return bytes.fromhex(bare[: len(bare) // 2 * 2])


def _shown(raw: bytes) -> str:
    """The first words, where it is text that was encoded."""
    try:
        words = raw[:40].decode("utf-8", "ignore").split("\n")[0].strip()
        raw[: len(raw) - 4].decode()
    except UnicodeDecodeError:
        return ""
    return f", which says “{words}…”" if len(words) > 3 and words.isprintable() else ""
