"""How alike two texts are, and a sketch of each by which alike ones are found among millions: MinHash with banding.

Texts are compared by the 5-character pieces that they share (Jaccard index). Everything is deterministic: the same texts give
the same sketches on every machine.

Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Iterator, Sequence

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
GROUP = 1 << 18  # characters worked at together

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SEEDS = np.random.Generator(np.random.PCG64(5)).integers(1, 2**31, BANDS * HASHES, dtype=np.uint32) * np.uint32(2) + np.uint32(
    1
)
_POWERS = np.array([pow(1_000_003, PIECE - 1 - place, 2**64) for place in range(PIECE)], dtype=np.uint64)


def pieces(text: str) -> Pieces:
    """Hashes of a text's 5-character pieces. Case, punctuation and spacing do not count; a text without words has none."""
    return _once(_hashed([text])[0])


def many(texts: Sequence[str], left_out: Pieces) -> list[Pieces]:
    """Of each text its pieces that are not left out."""
    found: list[Pieces] = []
    for hashes, counts in _grouped(texts, left_out):
        found += map(_once, np.split(hashes, np.cumsum(counts)[:-1]))
    return found


def sketches(texts: Sequence[str], left_out: Pieces) -> tuple[NDArray[np.bool_], Bands]:
    """Of each text whether it has pieces that are not left out, and the band hashes of these, zeros where it has none."""
    worded: list[NDArray[np.bool_]] = [np.empty(0, np.bool_)]
    found: list[Bands] = [np.empty((0, BANDS), np.uint32)]
    for hashes, counts in _grouped(texts, left_out):
        worded.append(counts > 0)
        found.append(np.zeros((len(counts), BANDS), np.uint32))
        if len(hashes):
            found[-1][worded[-1]] = _in_parts(hashes, counts[worded[-1]])
    return np.concatenate(worded), np.concatenate(found)


def _grouped(texts: Sequence[str], left_out: Pieces) -> Iterator[tuple[Pieces, NDArray[np.int64]]]:
    """Hashes of pieces that are not left out, text by text, and how many each text has, some texts at a time."""
    start = 0
    while start < len(texts):
        end, size = start, 0
        while end < len(texts) and size < GROUP:
            size, end = size + min(len(texts[end]), LONGEST), end + 1
        hashes, counts = _hashed(texts[start:end])
        stays = ~_among(hashes, left_out)
        yield (
            hashes[stays],
            np.bincount(np.repeat(np.arange(end - start), counts)[stays], minlength=end - start).astype(np.int64),
        )
        start = end


def _hashed(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of all pieces, text by text, and how many each text has."""
    words = [found.ljust(PIECE, "\0") if (found := plain(text[:LONGEST])) else "" for text in texts]
    counts = np.array([max(0, len(found) - PIECE + 1) for found in words], np.int64)
    joined = "".join(words)
    raw = joined.encode() if joined.isascii() else joined.encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(raw, np.uint8 if joined.isascii() else np.uint32).astype(np.uint64)
    places = max(0, len(codes) - PIECE + 1)
    rolled = np.zeros(places, np.uint64)
    for at, power in enumerate(_POWERS):
        rolled += codes[at : at + places] * power
    ends = np.cumsum([len(found) for found in words if found][:-1], dtype=np.int64)
    inside = np.ones(places, np.bool_)
    inside[(ends[:, None] - np.arange(1, PIECE)).ravel()] = False  # pieces that reach over the end of a text
    return _mixed(rolled[inside]), counts


def _among(hashes: Pieces, some: Pieces) -> NDArray[np.bool_]:
    """Which of the hashes are in `some`, which is sorted."""
    if not len(some):
        return np.zeros(len(hashes), np.bool_)
    return np.asarray(some[np.minimum(np.searchsorted(some, hashes), len(some) - 1)] == hashes)


def _once(hashes: Pieces) -> Pieces:
    """Sorted, each once: what numpy's `unique` gives, which looks for more."""
    found = np.sort(hashes)
    return found[np.concatenate(([True], found[1:] != found[:-1]))] if len(found) else found


def jaccard(one: Pieces, other: Pieces) -> float:
    """Shared pieces over all pieces, 0 to 1."""
    shared = int(np.count_nonzero(_among(one, other)))
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def frame(sample: Sequence[Pieces]) -> Pieces:
    """Pieces that most texts of a sample have: the prompt's fixed words, an instruction that each row repeats."""
    if len(sample) < FEWEST:
        return np.empty(0, np.uint64)
    found, counts = np.unique(np.concatenate(sample), return_counts=True)
    return found[counts > COMMON * len(sample)]


def without(text: Pieces, left_out: Pieces) -> Pieces:
    return text[~_among(text, left_out)]


def bands(texts: Sequence[Pieces]) -> Bands:
    """One row of band hashes a text; two texts with an equal hash in the same column are worth a look. No text may be empty."""
    return _in_parts(np.concatenate(texts), np.array([len(text) for text in texts]))


def _in_parts(joined: Pieces, sizes: NDArray[np.int64]) -> Bands:
    """Some texts at a time, so that what is worked at stays near the processor."""
    out = np.empty((len(sizes), BANDS), np.uint32)
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        began = int(ends[start] - sizes[start])
        end = max(start + 1, int(np.searchsorted(ends, began + TOGETHER)))
        out[start:end] = _bands(joined[began : int(ends[end - 1])], ends[start:end] - sizes[start:end] - began)
        start = end
    return out


def _bands(joined: Pieces, starts: NDArray[np.int64]) -> Bands:
    short = (joined >> np.uint64(32)).astype(np.uint32)
    least = np.empty((len(starts), len(_SEEDS)), np.uint64)
    product = np.empty_like(short)
    for column, seed in enumerate(_SEEDS):
        least[:, column] = np.minimum.reduceat(np.multiply(short, seed, out=product), starts)
    mixed = np.zeros((len(starts), BANDS), np.uint64)
    for place in range(HASHES):
        mixed = _mixed(mixed + least[:, place::HASHES])
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits, so that multiplying by an odd number afterwards gives independent orders."""
    numbers = (numbers ^ (numbers >> np.uint64(31))) * _ODD
    return numbers ^ (numbers >> np.uint64(29))
