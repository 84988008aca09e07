"""Writes helpdesk/train.jsonl from helpdesk/phrases.json: `python -m runs.data.samples.compose`.

The held-out rows are written by hand and share no sentence with these. The same seed gives the same bytes.
"""

import random
from collections.abc import Iterator
from typing import Any

import orjson

from runs.data.rows import Row, write_row
from runs.data.samples import HELPDESK

SEED = 17
ROWS = 240
BARE = 48  # rows that name no product
SYSTEM = "Sort the ticket."
PRIORITIES = ("high", "normal", "low")


def row(message: str, category: str, priority: str, product: str) -> Row:
    record = orjson.dumps({"category": category, "priority": priority, "product": product}).decode()
    turns = (("system", SYSTEM), ("user", message), ("assistant", record))
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def compose(phrases: dict[str, Any], seed: int = SEED) -> list[Row]:
    """Each problem meets each priority about equally often, with another product and another cue each time."""
    chance = random.Random(seed)  # noqa: S311 # nosec B311 # variety, not secrecy
    problems = list(_pairs(phrases["problems"]))
    bare = list(_pairs(phrases["without_product"]))
    tickets = [(pair, True) for pair in _cycle(problems, ROWS - BARE, chance)] + [
        (pair, False) for pair in _cycle(bare, BARE, chance)
    ]
    cues = {priority: _cycle(phrases["cues"][priority], ROWS, chance) for priority in PRIORITIES}
    products = _cycle(list(phrases["products"]), ROWS, chance)
    rows = []
    for index, ((category, problem), named) in enumerate(tickets):
        priority = PRIORITIES[(index + index // len(problems)) % len(PRIORITIES)]
        product = products[index] if named else "none"
        noun = chance.choice(phrases["products"][product]) if named else ""
        message = _join(problem.format(product=noun), cues[priority][index], first=chance.random() < 0.3)
        rows.append(row(message, category, priority, product))
    chance.shuffle(rows)
    return rows


def _pairs(grouped: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    return ((group, text) for group, texts in grouped.items() for text in texts)


def _cycle(items: list[Any], length: int, chance: random.Random) -> list[Any]:
    """`length` items in which each comes equally often, each round in a new order."""
    found: list[Any] = []
    while len(found) < length:
        found += chance.sample(items, len(items))
    return found[:length]


def _join(problem: str, cue: str, *, first: bool) -> str:
    sentence = problem if problem.endswith("?") else f"{problem}."
    return " ".join(part for part in ((cue, sentence) if first else (sentence, cue)) if part)


def main() -> None:
    phrases = orjson.loads((HELPDESK / "phrases.json").read_bytes())
    (HELPDESK / "train.jsonl").write_bytes(b"".join(write_row(composed) for composed in compose(phrases)))


if __name__ == "__main__":
    main()
