"""How alike two texts are, and a sketch of each by which alike ones are found among millions: MinHash with banding.

Texts are compared by the 5-character pieces that they share (Jaccard index). Everything is deterministic: the same texts give
the same sketches on every machine.

Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runs.data.wording import plain

Pieces = NDArray[np.uint64]  # sorted, each once
Bands = NDArray[np.uint32]  # [rows, BANDS]

PIECE = 5  # characters
THRESHOLD = 0.8  # Jaccard index from which on two texts count as nearly the same
BANDS, HASHES = 20, 5  # found: 1 - (1 - s^5)^20 of the pairs with index s; 99.96% at 0.8, 47% at 0.5 (and then not confirmed)
LONGEST = 20_000  # characters of a text that are compared
COMMON = 0.5  # pieces in more than this share of a sample are the data's own frame, and say nothing about likeness
FEWEST = 20  # texts of a sample below which nothing counts as frame
TOGETHER = 1 << 16  # pieces hashed at once

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SEEDS = np.random.Generator(np.random.PCG64(5)).integers(1, 2**63, BANDS * HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(
    1
)
_POWERS = np.array([pow(1_000_003, PIECE - 1 - place, 2**64) for place in range(PIECE)], dtype=np.uint64)


def pieces(text: str) -> Pieces:
    """Hashes of a text's 5-character pieces. Case, punctuation and spacing do not count; a text without words has none."""
    words = plain(text[:LONGEST])
    if not words:
        return np.empty(0, np.uint64)
    codes = np.frombuffer(words.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(codes) < PIECE:
        codes = np.pad(codes, (0, PIECE - len(codes)))
    places = len(codes) - PIECE + 1
    rolled = sum(codes[at : at + places] * power for at, power in enumerate(_POWERS))
    return np.unique(_mixed(np.asarray(rolled, np.uint64)))


def jaccard(one: Pieces, other: Pieces) -> float:
    """Shared pieces over all pieces, 0 to 1."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def frame(sample: Sequence[Pieces]) -> Pieces:
    """Pieces that most texts of a sample have: the prompt's fixed words, an instruction that each row repeats."""
    if len(sample) < FEWEST:
        return np.empty(0, np.uint64)
    found, counts = np.unique(np.concatenate(sample), return_counts=True)
    return found[counts > COMMON * len(sample)]


def without(text: Pieces, left_out: Pieces) -> Pieces:
    return text[np.isin(text, left_out, invert=True, assume_unique=True)] if len(left_out) else text


def bands(texts: Sequence[Pieces]) -> Bands:
    """One row of band hashes a text; two texts with an equal hash in the same column are worth a look. No text may be empty."""
    sizes = np.array([len(text) for text in texts])
    out = np.empty((len(texts), BANDS), np.uint32)
    start = 0
    while start < len(texts):
        end = max(start + 1, start + int(np.searchsorted(np.cumsum(sizes[start:]), TOGETHER)))
        out[start:end] = _bands(np.concatenate(texts[start:end]), np.concatenate(([0], np.cumsum(sizes[start : end - 1]))))
        start = end
    return out


def _bands(joined: Pieces, starts: NDArray[np.int64]) -> Bands:
    least = np.empty((len(starts), len(_SEEDS)), np.uint64)
    for column, seed in enumerate(_SEEDS):
        least[:, column] = np.minimum.reduceat((joined * seed) >> np.uint64(32), starts)
    mixed = np.zeros((len(starts), BANDS), np.uint64)
    for place in range(HASHES):
        mixed = _mixed(mixed + least[:, place::HASHES])
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits, so that multiplying by an odd number afterwards gives independent orders."""
    numbers = (numbers ^ (numbers >> np.uint64(31))) * _ODD
    return numbers ^ (numbers >> np.uint64(29))
