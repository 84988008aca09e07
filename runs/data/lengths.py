"""What a distribution of row lengths means: percentiles, bars, rows cut at a context length, how full batches are.

All lengths are tokens. A distribution is a list of (length, rows), ascending.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from runs.data.packing import capacity, fit

Counts = list[tuple[int, int]]

BINS = 24  # bars of a histogram, at most
PERCENTILES = (50, 90, 95, 99)
TRIED = 200  # batches from which packing is estimated
DRAWN = 10_000  # rows in all of these, so that the page comes at once for any batch size
SHORTEST = 128  # longer contexts are tried in powers of two from here on


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Bin(Model):
    """Rows of `start` to `end - 1` tokens."""

    start: int
    end: int
    rows: int


class Longer(Model):
    """What would still be lost at a longer context."""

    context_length: int
    truncated_rows: int
    truncated_tokens: int
    untrained_rows: int


class Packing(Model):
    """How batches of `batch_size` rows lie in memory, estimated from some of them.

    `padding` is the share of padding if each were padded to its longest row. There is none: rows are packed into bins of
    at most `bin_tokens`, which are `fill` full on average.
    """

    batch_size: int
    padding: float
    bin_tokens: int
    fill: float
    rows_per_bin: float


def percentiles(lengths: Counts) -> dict[int, int]:
    """Percent of rows to the length that they do not exceed."""
    rows = sum(count for _, count in lengths)
    reached = np.cumsum([count for _, count in lengths])
    return {share: lengths[int(np.searchsorted(reached, -(-rows * share // 100)))][0] for share in PERCENTILES} if rows else {}


def histogram(lengths: Counts) -> list[Bin]:
    """Bars of equal width from 0 to the longest row."""
    if not lengths:
        return []
    longest = lengths[-1][0]
    width = -(-(longest + 1) // BINS)
    rows = [0] * (longest // width + 1)
    for length, count in lengths:
        rows[length // width] += count
    return [Bin(start=place * width, end=(place + 1) * width, rows=count) for place, count in enumerate(rows)]


def cut(lengths: Counts, firsts: Counts, context_length: int) -> tuple[int, int, int]:
    """Rows that are truncated, tokens that they lose, and rows that have no token to learn within the context length."""
    rows = sum(count for length, count in lengths if length > context_length)
    tokens = sum(count * (length - context_length) for length, count in lengths if length > context_length)
    return rows, tokens, sum(count for first, count in firsts if first >= context_length)


def seen(lengths: Counts, firsts: Counts, ends: Counts, context_length: int) -> tuple[int, int]:
    """Tokens that training sees of rows with something to learn within the context length, and trained ones among them.

    `ends` are where trained tokens would end if they followed one another from the first on: exact for one answer a row; of a
    conversation that is cut they are at most so many. Rows without any are to be left out of `lengths` as of `firsts`.
    """
    tokens = sum(count * min(length, context_length) for length, count in lengths)
    dropped = sum(count for first, count in firsts if first >= context_length)
    trained = _within(firsts, context_length) - _within(ends, context_length)
    return tokens - dropped * context_length, trained


def _within(places: Counts, context_length: int) -> int:
    """Tokens from each place to the context's end."""
    return sum(count * (context_length - place) for place, count in places if place < context_length)


def longer(lengths: Counts, firsts: Counts, context_length: int, most: int) -> list[Longer]:
    """Powers of two above `context_length` up to `most`, until nothing is cut any more."""
    found: list[Longer] = []
    power, lost = SHORTEST, cut(lengths, firsts, context_length)[0]
    while lost and (not found or found[-1].context_length < most):
        power *= 2
        if power > context_length:
            tried = min(power, most)
            if tried <= context_length:
                break
            lost, tokens, untrained = cut(lengths, firsts, tried)
            found.append(Longer(context_length=tried, truncated_rows=lost, truncated_tokens=tokens, untrained_rows=untrained))
    return found


def packing(lengths: Counts, joined: bool, context_length: int, batch_size: int, device: str) -> Packing | None:
    """Batches drawn by chance from the distribution, with a fixed seed; None without rows. Of a huge batch, a part."""
    total = sum(length * count for length, count in lengths)
    if not total:
        return None
    room = capacity(context_length, device)
    if joined:
        batches = [[min(context_length, total)] * min(batch_size, DRAWN)]
    else:
        shares = np.array([count for _, count in lengths], float)
        sizes = np.minimum([length for length, _ in lengths], context_length)
        chance = np.random.Generator(np.random.PCG64(17))
        drawn = min(batch_size, DRAWN)
        batches = chance.choice(sizes, (min(TRIED, DRAWN // drawn), drawn), p=shares / shares.sum()).tolist()
    bins = [sum(batch[member] for member in members) for batch in batches for members in fit(batch, room)]
    useful = sum(map(sum, batches))
    return Packing(
        batch_size=batch_size,
        padding=1 - useful / _padded(batches),
        bin_tokens=room,
        fill=useful / sum(max(room, size) for size in bins),
        rows_per_bin=sum(map(len, batches)) / len(bins),
    )


def _padded(batches: Sequence[Sequence[int]]) -> int:
    return sum(len(batch) * max(batch) for batch in batches)
