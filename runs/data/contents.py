"""What is in the rows of a data set, whatever model reads them: copies, answers, system prompts, private values, languages.

One pass, memory bounded. Counts and row numbers come out, and never a private value as a whole.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data import languages, private
from runs.data.rows import count
from runs.data.shapes import KINDS
from runs.data.twins import Pairs, Twins
from runs.data.wording import Said, key, said

LISTED = 20  # rows named of each kind
BATCH = 512  # rows looked at together
READING = 0.6  # of the time, where many rows are nearly alike; the rest is comparing them
PROMPTS = 1_000  # different system prompts that are told apart
EXCERPT = 200  # characters of a system prompt that are shown
WORD = re.compile(r"[\w'.,-]*\w[\w'.,-]*")
NOTHING = frozenset({"n/a", "na", "none", "null", "nan", "nil", "tbd", "todo", "undefined", "unknown"})

Tick = Callable[[int], None]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Listed(Model):
    """`count` rows, the first of them by number, counted from 1."""

    count: int = 0
    rows: list[int] = []


class Twin(Model):
    """Row `row` repeats row `of`."""

    row: int
    of: int


class Twinned(Model):
    count: int = 0
    first: list[Twin] = []

    @classmethod
    def of(cls, pairs: Pairs) -> "Twinned":
        return cls(count=len(pairs), first=[Twin(row=row + 1, of=of + 1) for row, of in pairs[:LISTED]])


class Example(Model):
    row: int
    shown: str


class Private(Model):
    """Values of one kind: how many, in how many rows, the first ones in part."""

    kind: str
    title: str
    secret: bool
    values: int
    rows: int
    first: list[Example]


class Prompt(Model):
    text: str
    rows: int


class Contents(Model):
    rows: int = 0
    compared: int = 0
    """Rows that were looked through for copies: the first million."""
    exact: Twinned = Twinned()
    near: Twinned = Twinned()
    conflicts: Twinned = Twinned()
    empty_answers: Listed = Listed()
    one_word_answers: Listed = Listed()
    with_system: int = 0
    prompts: list[Prompt] = []
    """The most frequent system prompts."""
    different_prompts: int = 0
    private: list[Private] = []
    private_rows: int = 0
    languages: dict[str, int] = {}
    """ISO 639 code to rows of the sample; rows that could not be told are under the empty code."""
    sampled: int = 0


def contents(path: Path, task: TaskType, tick: Tick = lambda _: None) -> Contents:
    """Look through a canonical file; `tick` is called with the number of rows that are done, weighed by what is left to do."""
    looking = _Looking(path, task)
    for lines in batches(path):
        looking.add(lines)
        tick(int(READING * looking.rows))
    return looking.contents(lambda share: tick(int((READING + (1 - READING) * share) * looking.rows)))


def batches(path: Path) -> Iterator[list[bytes]]:
    """The lines of a canonical file, some at a time."""
    with path.open("rb", buffering=1 << 20) as file:
        while lines := list(islice(file, BATCH)):
            yield lines


def says_nothing(answer: str) -> bool:
    """No letter and no digit, or a word that stands for nothing."""
    return not any(map(str.isalnum, answer)) or answer.strip().strip(".").casefold() in NOTHING


def is_one_word(answer: str) -> bool:
    """A label, a number or a yes. A record that has no space in it, as JSON often has not, is more than that."""
    return len(answer.split()) == 1 and len(WORD.findall(answer[:200])) == 1


class _Looking:
    """The sums of one pass."""

    def __init__(self, path: Path, task: TaskType) -> None:
        self.rows = 0
        self._task, self._twins = task, Twins(path, task)
        self._every = max(1, count(path) // languages.SAMPLED)
        self._empty, self._short = _Lister(), _Lister()
        self._prompts: Counter[int] = Counter()
        self._texts: dict[int, str] = {}
        self._languages: Counter[str] = Counter()
        self._private = _Privacy()

    def add(self, lines: Sequence[bytes]) -> None:
        rows = [orjson.loads(line) for line in lines]
        spoken = [said(row, self._task) for row in rows]
        self._twins.add(lines, spoken)
        self._private.expect(spoken)
        for number, one in enumerate(spoken, self.rows + 1):
            self._look(number, one)
        self.rows += len(lines)

    def contents(self, confirmed: Callable[[float], None]) -> Contents:
        twins = self._twins.found(confirmed)
        frequent = self._prompts.most_common(5)
        return Contents(
            rows=self.rows,
            compared=twins.compared,
            exact=Twinned.of(twins.exact),
            near=Twinned.of(twins.near),
            conflicts=Twinned.of(twins.conflicts),
            empty_answers=self._empty.listed(),
            one_word_answers=self._short.listed(),
            with_system=self._prompts.total(),
            prompts=[Prompt(text=self._texts[found][:EXCERPT], rows=rows) for found, rows in frequent if found in self._texts],
            different_prompts=len(self._prompts),
            private=self._private.listed(),
            private_rows=self._private.rows,
            languages=dict(self._languages.most_common()),
            sampled=self._languages.total(),
        )

    def _look(self, number: int, row: Said) -> None:
        if any(map(says_nothing, row.answers)):
            self._empty.add(number)
        elif row.answers and all(map(is_one_word, row.answers)):
            self._short.add(number)
        if row.system:
            self._prompt(row.system)
        if (number - 1) % self._every == 0:
            self._languages[languages.language(row.whole) or ""] += 1
        self._private.look(number, row.full)

    def _prompt(self, text: str) -> None:
        found = key(text)
        if found in self._prompts or len(self._prompts) < PROMPTS:
            self._prompts[found] += 1
            self._texts.setdefault(found, text)
        else:
            self._prompts[0] += 1  # the rest, which are not told apart


class _Lister:
    def __init__(self) -> None:
        self._count, self._rows = 0, list[int]()

    def add(self, number: int) -> None:
        self._count += 1
        if len(self._rows) < LISTED:
            self._rows.append(number)

    def listed(self) -> Listed:
        return Listed(count=self._count, rows=self._rows)


class _Privacy:
    def __init__(self) -> None:
        self.rows = 0
        self._kinds = KINDS
        self._values: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._first: dict[str, list[Example]] = {}

    def expect(self, rows: Sequence[Said]) -> None:
        """Which kinds are worth looking for in the rows that come next."""
        self._kinds = private.possible(row.full for row in rows)

    def look(self, number: int, text: str) -> None:
        matches = private.find(text, self._kinds)
        self.rows += bool(matches)
        for kind in {match.kind.name for match in matches}:
            self._rows[kind] += 1
        for match in matches:
            self._values[match.kind.name] += 1
            first = self._first.setdefault(match.kind.name, [])
            if len(first) < LISTED:
                first.append(Example(row=number, shown=private.shown(text[match.start : match.end])))

    def listed(self) -> list[Private]:
        return [
            Private(
                kind=kind.name,
                title=kind.title,
                secret=kind.secret,
                values=self._values[kind.name],
                rows=self._rows[kind.name],
                first=self._first[kind.name],
            )
            for kind in KINDS
            if kind.name in self._values
        ]
