"""Tasks whose answers can be told right from wrong: rows to train on, rows held out, and a score. Pure, no model.

The split is a function of each row's own text, so that it stays the same when rows are added, and equal rows stay together.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runs.data.rows import Row, read_rows
from runs.data.samples import HELPDESK
from runs.data.scoring import score_json

Scores = dict[str, float]


@dataclass(frozen=True)
class Task:
    """`score` takes answers and the expected ones. The first of its scores is the one that settings are chosen by."""

    name: str
    train: list[Row]
    held_out: list[Row]
    score: Callable[[Sequence[str], Sequence[str]], Scores]
    answer_tokens: int

    @property
    def prompts(self) -> list[list[dict[str, str]]]:
        return [row["messages"][:-1] for row in self.held_out]

    @property
    def expected(self) -> list[str]:
        return [row["messages"][-1]["content"] for row in self.held_out]


def load(data: Path, *, held_out: int) -> list[Task]:
    """The helpdesk sample, and the tasks of the folder `data` that are there."""
    found = [
        Task("helpdesk", list(read_rows(HELPDESK / "train.jsonl")), list(read_rows(HELPDESK / "heldout.jsonl")), record, 48)
    ]
    for name, train, score, tokens in (("drug-ner", 160, names, 64), ("banking77", 385, label, 12)):
        path = data / name / "train.jsonl"
        if path.is_file():
            rows = sorted(read_rows(path), key=_place)
            found.append(Task(name, rows[held_out : held_out + train], rows[:held_out], score, tokens))
    return found


def _place(row: Row) -> str:
    return hashlib.sha256(json.dumps(row["messages"][-2]).encode()).hexdigest()


def names(answers: Sequence[str], expected: Sequence[str]) -> Scores:
    """Lists of names as JSON arrays: F1 over all of them (micro), and the share of lists that are right as a whole."""
    given, wanted = [_listed(text) for text in answers], [_listed(text) for text in expected]
    hits = sum(len(one & other) for one, other in zip(given, wanted, strict=True))
    total = sum(map(len, given)) + sum(map(len, wanted))
    exact = sum(one == other for one, other in zip(given, wanted, strict=True))
    return {"F1": 2 * hits / total if total else 0.0, "exact": exact / len(wanted)}


def label(answers: Sequence[str], expected: Sequence[str]) -> Scores:
    """One name out of many."""
    right = sum(answer.strip() == wanted for answer, wanted in zip(answers, expected, strict=True))
    return {"accuracy": right / len(expected)}


def record(answers: Sequence[str], expected: Sequence[str]) -> Scores:
    """A JSON object."""
    found = score_json(answers, expected)
    return {"fields right": found.field_accuracy, "exact": found.exact}


def _listed(text: str) -> set[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return set()
    return {str(name).strip().casefold() for name in found} if isinstance(found, list) else set()
