"""Token counts of a data set as one model sees it, and what they mean at a context length. Judging is left to others.

`count_tokens` reads every row once and keeps how often each length occurs; `Tokens.at` answers for any context length at once.
"""

from array import array
from collections import Counter
from collections.abc import Callable
from heapq import nlargest
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.beginnings import beginning
from runs.data.encoded import NEVER
from runs.data.lengths import Bin, Counts, Longer, Packing, cut, histogram, longer, packing, percentiles, seen
from runs.data.rendering import Counted, Renderer, TemplateError
from runs.data.rows import read_rows

TICK = 512  # rows between two words about progress
NAMED = 20  # longest rows that are named

Tick = Callable[[int], None]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Long(Model):
    row: int
    tokens: int


class Profile(Model):
    """What training would meet at `context_length`. Rows count as the engine sees them: rendered, with special tokens."""

    context_length: int
    rows: int = 0
    bytes: int = 0
    turns: int = 0
    """Messages; 0 where rows are not conversations."""
    tokens: int = 0
    trained_tokens: int = 0
    tokens_by_role: dict[str, int] = {}
    """Chat: tokens that touch what system and user said, all that the assistant writes, and the template around them."""
    percentiles: dict[int, int] = {}
    """Percent of rows to the length in tokens that they do not exceed."""
    histogram: list[Bin] = []
    longest: int = 0
    longest_line: int = 0
    longest_rows: list[Long] = []
    truncated_rows: int = 0
    truncated_tokens: int = 0
    seen_tokens: int = 0
    """Of rows that are trained on, within the context length."""
    seen_trained: int = 0
    """Trained tokens among these; of conversations that are cut, at most so many."""
    untrained_rows: int = 0
    """Rows without one trained token within the context length; training drops them."""
    beginning: float = 0.0
    """Tokens with which a row and the next begin alike, on average: a system message, as a rule."""
    longer: list[Longer] = []
    """What longer contexts would save, up to where nothing is cut."""
    packing: Packing | None = None

    @property
    def trained_share(self) -> float:
        return self.trained_tokens / self.tokens if self.tokens else 0.0


class Tokens(Model):
    """A data set through one tokenizer and template, whatever the context length."""

    rows: int = 0
    bytes: int = 0
    turns: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    tokens_by_role: dict[str, int] = {}
    joined: bool = False
    """Texts are joined and cut into blocks: none is truncated."""
    lengths: Counts = []
    """(tokens of a row, rows), ascending."""
    firsts: Counts = []
    """(tokens before a row's first trained one, rows), ascending; only of rows that may be cut."""
    ends: Counts = []
    """(tokens before a row's first trained one plus its trained tokens, rows), ascending."""
    silent: Counts = []
    """(tokens, rows) of rows without a trained one."""
    longest_rows: list[Long] = []
    beginning: float = 0.0

    def at(self, context_length: int, *, model_max: int = 0, batch_size: int = 8, device: str = "cpu") -> Profile:
        """At this context length; `model_max` bounds the longer ones that are tried."""
        rows, tokens, untrained = cut(self.lengths, self.firsts, context_length)
        seen_tokens, seen_trained = (self.tokens, self.trained_tokens) if self.joined else self._seen(context_length)
        top = self.longest_rows[0] if self.longest_rows else Long(row=0, tokens=0)
        return Profile(
            context_length=context_length,
            **self.model_dump(include={"rows", "bytes", "turns", "tokens", "trained_tokens", "tokens_by_role", "beginning"}),
            percentiles=percentiles(self.lengths),
            histogram=histogram(self.lengths),
            longest=top.tokens,
            longest_line=top.row,
            longest_rows=self.longest_rows,
            truncated_rows=0 if self.joined else rows,
            truncated_tokens=0 if self.joined else tokens,
            seen_tokens=seen_tokens,
            seen_trained=seen_trained,
            untrained_rows=untrained,
            longer=[] if self.joined else longer(self.lengths, self.firsts, context_length, max(model_max, context_length)),
            packing=packing(self.lengths, self.joined, context_length, batch_size, device),
        )

    def _seen(self, context_length: int) -> tuple[int, int]:
        lengths = Counter(dict(self.lengths))
        lengths.subtract(dict(self.silent))
        return seen(list(lengths.items()), [pair for pair in self.firsts if pair[0] < NEVER], self.ends, context_length)


def count_tokens(canonical: Path, renderer: Renderer, task: TaskType, tick: Tick = lambda _: None) -> Tokens:
    """Tokenize every row of a canonical file and count. Raises TemplateError naming the first row that the template refuses."""
    counter = _Counter(task)
    try:
        for counted in renderer.count_many(read_rows(canonical), task):
            counter.add(counted)
            if counter.rows % TICK == 0:
                tick(counter.rows)
    except TemplateError as error:
        raise _named(canonical, renderer, task, counter.rows) or error from error
    return counter.tokens(canonical.stat().st_size).model_copy(update={"beginning": beginning(canonical, renderer, task)})


def profile(canonical: Path, renderer: Renderer, task: TaskType, context_length: int) -> Profile:
    """`count_tokens` at one context length."""
    return count_tokens(canonical, renderer, task).at(context_length)


class _Counter:
    """Sums over rows; keeps four bytes a row."""

    def __init__(self, task: TaskType) -> None:
        self._task = task
        self._lengths = array("I")
        self._firsts: Counter[int] = Counter()
        self._ends: Counter[int] = Counter()
        self._silent: Counter[int] = Counter()
        self._trained = self._turns = 0
        self._roles: Counter[str] = Counter()

    @property
    def rows(self) -> int:
        return len(self._lengths)

    def add(self, row: Counted) -> None:
        self._lengths.append(row.tokens)
        self._trained += row.trained
        self._turns += row.turns
        if self._task is not TaskType.CONTINUED_PRETRAIN:
            self._firsts[row.first] += 1
            if row.first < NEVER:
                self._ends[row.first + row.trained] += 1
            else:
                self._silent[row.tokens] += 1
        if row.roles is not None:
            self._roles["assistant"] += row.trained
            for role, count in row.roles.items():
                self._roles[role] += count

    def tokens(self, size: int) -> Tokens:
        total = sum(self._lengths)
        longest = nlargest(NAMED, range(len(self._lengths)), key=lambda row: (self._lengths[row], -row))
        roles = {role: self._roles[role] for role in ("system", "user", "assistant")} if self._roles else {}
        roles |= {"template": max(0, total - self._roles.total())} if self._roles else {}
        return Tokens(
            rows=len(self._lengths),
            bytes=size,
            turns=self._turns,
            tokens=total,
            trained_tokens=self._trained,
            tokens_by_role={role: count for role, count in roles.items() if count},
            joined=self._task is TaskType.CONTINUED_PRETRAIN,
            lengths=sorted(Counter(self._lengths).items()),
            firsts=sorted(self._firsts.items()),
            ends=sorted(self._ends.items()),
            silent=sorted(self._silent.items()),
            longest_rows=[Long(row=row + 1, tokens=self._lengths[row]) for row in longest],
        )


def _named(canonical: Path, renderer: Renderer, task: TaskType, before: int) -> TemplateError | None:
    """The refusal of the first row behind `before` that the template refuses, with its number."""
    for number, row in enumerate(islice(read_rows(canonical), before, None), before + 1):
        try:
            renderer.encode(row, task)
        except TemplateError as error:
            return TemplateError(f"Row {number:,}: {error}")
    return None
