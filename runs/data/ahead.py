"""Rows in batches, worked at in two places at once: a thread tokenizes one batch while the caller prepares and uses others.

That is worth a thread because tokenizers leave Python while they work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

from runs.data.rows import Row

BATCH = 512  # rows handed to the tokenizer's threads at once
CHARACTERS = 1_000_000  # of their texts from which on fewer rows are a batch; both bound memory

Tokens = TypeVar("Tokens")
Made = TypeVar("Made")
Work = tuple[Callable[[], Tokens], Callable[[Tokens], Iterable[Made]]]
"""What the thread does, and what the caller makes of that."""


def worked(rows: Iterable[Row], prepare: Callable[[Sequence[Row]], Work[Tokens, Made]]) -> Iterator[Made]:
    """What becomes of each row, in order."""
    batches = _batches(rows)
    first, second = next(batches, []), next(batches, [])
    if not second:  # few rows are not worth a thread
        encode, finish = prepare(first)
        yield from finish(encode()) if first else ()
        return
    with ThreadPoolExecutor(1) as thread:
        encode, finish = prepare(first)
        coming = thread.submit(encode)
        for batch in chain([second], batches):
            encode, after = prepare(batch)
            made, coming = coming, thread.submit(encode)
            yield from finish(made.result())
            finish = after
        yield from finish(coming.result())


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(len(one["content"]) for one in row["messages"]) if "messages" in row else sum(map(len, row.values()))
        if len(batch) == BATCH or characters > CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
