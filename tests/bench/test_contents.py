"""How fast a data set is looked through for copies, private values and languages, part by part, and in how much memory."""

import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import orjson
import pytest

from runs.contract.spec import TaskType
from runs.data import languages, private
from runs.data.contents import batches, contents
from runs.data.rows import Row, read_rows, write_row
from runs.data.samples import HELPDESK
from runs.data.twins import Twins
from runs.data.wording import Said, said
from tests.bench import material

CHAT = TaskType.CHAT_COMPLETION
MEGABYTES = 20
LEAST = 1.5  # MB a second of processor time


def generated() -> Iterator[Row]:
    """Conversations made of the same few sentences: a quarter repeats another one nearly."""
    for number, row in enumerate(material.mixed(10**9)):
        yield {"messages": [{**message, "content": f"{number}: {message['content']}"} for message in row["messages"]]}


def helpdesk() -> Iterator[Row]:
    """The sample over and over, each row with a number and a telephone number of its own."""
    pool = [row["messages"] for row in read_rows(HELPDESK / "train.jsonl")]
    for number in range(10**9):
        system, asked, answered = pool[number % len(pool)]
        told = f"{asked['content']} Ticket {number}, call +39 0471 {number:06}."
        yield {"messages": [system, {**asked, "content": told}, answered]}


@pytest.mark.parametrize("made", [generated, helpdesk])
def test_contents_are_looked_through_fast_and_small(made: Callable[[], Iterator[Row]], tmp_path: Path) -> None:
    path, size = tmp_path / "rows.jsonl", 0
    with path.open("wb") as file:
        for row in made():
            if (size := size + file.write(write_row(row))) > MEGABYTES * 1_000_000:
                break
    looked: dict[str, float] = {}

    def timed(name: str, look: Callable[[], object]) -> None:
        used = time.process_time()
        look()
        looked[name] = time.process_time() - used

    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    timed("all", lambda: contents(path, CHAT))
    wall, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timed("parsing", lambda: list(map(len, _spoken(path))))
    timed("copies", lambda: _twins(path))
    timed("private values", lambda: [_private(rows) for rows in _spoken(path)])
    every = (row for rows in _spoken(path) for row in rows)
    timed("languages", lambda: [languages.language(row.whole) for row in islice(every, languages.SAMPLED)])
    print(
        f"\n{made.__name__}: {size / 1e6 / wall:.1f} MB/s by the clock, peak {peak / 1024:.0f} MiB ({before / 1024:.0f} before)"
    )
    print("  MB per CPU-second, with parsing: " + ", ".join(f"{name} {size / 1e6 / cpu:.1f}" for name, cpu in looked.items()))
    assert size / 1e6 / looked["all"] >= LEAST


def _spoken(path: Path) -> Iterator[list[Said]]:
    for lines in batches(path):
        yield [said(orjson.loads(line), CHAT) for line in lines]


def _twins(path: Path) -> None:
    twins = Twins(path, CHAT)
    for lines in batches(path):
        twins.add(lines, [said(orjson.loads(line), CHAT) for line in lines])
    twins.found()


def _private(rows: list[Said]) -> int:
    kinds = private.possible(row.full for row in rows)
    return sum(len(private.find(row.full, kinds)) for row in rows)
