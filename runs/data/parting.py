"""Where texts may be parted so that each part has the tokens that it has in the whole: at spaces behind something else.

Only for the tokenizers that are known to part every text there before they do anything else.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from tokenizers import Tokenizer

BLANK = r"\s\u180e\u200b\ufeff"  # what any version of Unicode has as white space, and more
BORDER = re.compile(rf"(?<=[^{BLANK}])(?= )")
ODD = tuple(f"{mark} " for mark in " \n\t\r\x0b\x0c\x1c\x1d\x1e\x1f")  # in ASCII, spaces that stand behind nothing

# Patterns by which tokenizers part texts, in all of which a space is a part's first character or among nothing but white space.
_CONTRACTED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_BEHIND = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERNS = frozenset(
    {
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",  # GPT-2
        *(
            rf"{_CONTRACTED}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*{_BEHIND}"
            for digits in (r"\p{N}{1,3}", r"\p{N}")  # Llama 3; Qwen
        ),
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTED}?|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTED}?"
        rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{_BEHIND}",  # GPT-4o
    }
)


def words(text: str) -> list[str]:
    """The first as it is, the others without the space in front of them."""
    if text.isascii() and text[:1] != " " and not any(map(text.__contains__, ODD)):
        return text.split(" ")
    first, *others = BORDER.split(text)
    return [first, *(word[1:] for word in others)]


def parts_at_spaces(tokenizer: Tokenizer) -> bool:
    """Whether this tokenizer parts every text at every space behind something that is not white space."""
    added = tokenizer.get_added_tokens_decoder().values()
    if any(token.lstrip or token.rstrip or token.single_word or re.search(r"\s", token.content) for token in added):
        return False
    normal = all(step["type"] == "NFC" for step in steps(tokenizer.normalizer))
    found = list(steps(tokenizer.pre_tokenizer))
    return (
        normal and any(map(_parts, found)) and all(step["type"] == "Digits" or _parts(step) or _bytes(step) for step in found)
    )


def steps(stage: Any) -> Iterator[dict[str, Any]]:
    """The steps of a normalizer or pre-tokenizer, as tokenizer.json describes them."""
    if stage is not None:
        described = orjson.loads(stage.__getstate__())
        yield from described.get("normalizers") or described.get("pretokenizers") or [described]


def _parts(step: dict[str, Any]) -> bool:
    if step["type"] == "ByteLevel":
        return _bytes(step) and step.get("use_regex", True)
    known = step["type"] == "Split" and step["pattern"].get("Regex") in PATTERNS
    return known and step["behavior"] == "Isolated" and not step["invert"]


def _bytes(step: dict[str, Any]) -> bool:
    return step["type"] == "ByteLevel" and not step["add_prefix_space"]
