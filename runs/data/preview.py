"""The first batch of a run before it is trained: which rows meet in a step, and how they share bins.

Uses the engine's own steps in the engine's order (`prepared`, `batch`, `fit`), so that what a page shows is what is trained.
The file is read twice and never held; of a batch of many tokens only the first bins are made.
"""

from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.contents import Tick
from runs.data.packing import batch, capacity, fit, prepared, steps_per_epoch, teaches
from runs.data.rendering import Encoded, Renderer
from runs.data.rows import Row, read_rows

MOST_TOKENS = 16_384  # of the bins that are handed out, besides the first: a batch may have 65,536 rows


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Settings(Model):
    """What decides which rows share a bin."""

    context_length: int
    batch_size: int
    seed: int
    device: str = "cpu"


class PackedRow(Model):
    """A row, or a block of joined texts, as it is trained. `number` counts rows of the file, or blocks, from 1."""

    number: int
    ids: list[int]
    trained: list[bool]


class PackedBatch(Model):
    """`bins` lie side by side in memory; its rows do not see each other. `kept` and `dropped` count the whole epoch's rows.

    The batch has `more_bins` besides, with `more_rows` in them, which are too many to show.
    """

    bins: list[list[PackedRow]]
    bin_tokens: int
    kept: int
    dropped: int
    steps: int
    """Optimizer steps of an epoch."""
    more_bins: int = 0
    more_rows: int = 0


def first_batch(path: Path, renderer: Renderer, task: TaskType, settings: Settings, tick: Tick = lambda _: None) -> PackedBatch:
    """The rows of a run's first step. Raises TemplateError as training would."""
    kept, lengths, dropped = _kept(path, renderer, task, settings, tick)
    places = batch(0, len(kept), settings.batch_size, settings.seed).tolist() if kept else []
    room = capacity(settings.context_length, settings.device)
    bins = [[places[member] for member in members] for members in fit([lengths[place] for place in places], room)]
    shown = bins[: _shown([sum(lengths[place] for place in members) for members in bins])]
    numbers = [[kept[place] for place in members] for members in shown]
    rows = dict(_taken(path, renderer, task, settings, frozenset(chain.from_iterable(numbers))))
    return PackedBatch(
        bins=[[_packed(number, rows[number]) for number in members] for members in numbers],
        bin_tokens=room,
        kept=len(kept),
        dropped=dropped,
        steps=steps_per_epoch(len(kept), settings.batch_size),
        more_bins=len(bins) - len(shown),
        more_rows=len(places) - len(rows),
    )


def _shown(sizes: list[int]) -> int:
    """How many of the bins with so many tokens are handed out."""
    return max(1, sum(reached <= MOST_TOKENS for reached in accumulate(sizes)))


def _packed(number: int, row: Encoded) -> PackedRow:
    return PackedRow(number=number + 1, ids=row.ids, trained=row.trained)


def _kept(
    path: Path, renderer: Renderer, task: TaskType, settings: Settings, tick: Tick
) -> tuple["array[int]", "array[int]", int]:
    """Rows or blocks with something to learn: their numbers from 0 and their lengths; and how many there are without."""
    kept, lengths, dropped = array("I"), array("I"), 0
    encoded = _ticking(renderer.encode_many(read_rows(path), task), tick)
    for number, row in enumerate(prepared(encoded, task, settings.context_length)):
        if teaches(row):
            kept.append(number)
            lengths.append(len(row.ids))
        else:
            dropped += 1
    return kept, lengths, dropped


def _taken(
    path: Path, renderer: Renderer, task: TaskType, settings: Settings, chosen: frozenset[int]
) -> Iterator[tuple[int, Encoded]]:
    """The chosen ones by number. Rows stand alone, so that only these are encoded again; blocks need all that lies before."""
    last = max(chosen, default=-1)
    if task is TaskType.CONTINUED_PRETRAIN:
        blocks = prepared(renderer.encode_many(read_rows(path), task), task, settings.context_length)
        yield from ((number, block) for number, block in enumerate(islice(blocks, last + 1)) if number in chosen)
        return
    rows: list[tuple[int, Row]] = [
        (number, row) for number, row in enumerate(islice(read_rows(path), last + 1)) if number in chosen
    ]
    encoded = prepared(renderer.encode_many((row for _, row in rows), task), task, settings.context_length)
    yield from zip((number for number, _ in rows), encoded, strict=True)


def _ticking(rows: Iterable[Encoded], tick: Tick) -> Iterator[Encoded]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % 512 == 0:
            tick(number)
