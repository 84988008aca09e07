"""Rows in batches, worked at in two places at once: a thread tokenizes one batch while the caller prepares and uses others.

That is worth a thread because tokenizers leave Python while they work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from runs.data.rows import Row

BATCH = 512  # rows handed to the tokenizer's threads at once; bounds memory

Tokens = TypeVar("Tokens")
Made = TypeVar("Made")
Work = tuple[Callable[[], Tokens], Callable[[Tokens], Iterable[Made]]]
"""What the thread does, and what the caller makes of that."""


def worked(rows: Iterable[Row], prepare: Callable[[Sequence[Row]], Work[Tokens, Made]]) -> Iterator[Made]:
    """What becomes of each row, in order."""
    remaining = iter(rows)
    batch = list(islice(remaining, BATCH))
    if len(batch) < BATCH:  # few rows are not worth a thread
        encode, finish = prepare(batch)
        yield from finish(encode()) if batch else ()
        return
    with ThreadPoolExecutor(1) as thread:
        encode, finish = prepare(batch)
        coming = thread.submit(encode)
        while batch := list(islice(remaining, BATCH)):
            encode, after = prepare(batch)
            made, coming = coming, thread.submit(encode)
            yield from finish(made.result())
            finish = after
        yield from finish(coming.result())
