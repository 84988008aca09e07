"""Token counts of a data set as one model sees it, and what they mean at a context length. Judging is left to others.

`count_tokens` reads every row once and keeps how often each length occurs; `Tokens.at` answers for any context length at once.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.lengths import Bin, Counts, Longer, Packing, cut, histogram, longer, packing, percentiles
from runs.data.rendering import Encoded, Renderer, TemplateError
from runs.data.rows import Row, read_rows

BATCH = 512  # rows tokenized at once
NAMED = 20  # longest rows that are named
NEVER = 1 << 40  # where the first trained token of a row without one stands
REMEMBERED = 10_000  # system prompts whose length is remembered, because most data sets have few

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
    """Chat: tokens of the contents of system and user, of all that the assistant writes, and of the template around them."""
    percentiles: dict[int, int] = {}
    """Percent of rows to the length in tokens that they do not exceed."""
    histogram: list[Bin] = []
    longest: int = 0
    longest_line: int = 0
    longest_rows: list[Long] = []
    truncated_rows: int = 0
    truncated_tokens: int = 0
    untrained_rows: int = 0
    """Rows without one trained token within the context length; training drops them."""
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
    longest_rows: list[Long] = []

    def at(self, context_length: int, *, model_max: int = 0, batch_size: int = 8, device: str = "cpu") -> Profile:
        """At this context length; `model_max` bounds the longer ones that are tried."""
        rows, tokens, untrained = cut(self.lengths, self.firsts, context_length)
        top = self.longest_rows[0] if self.longest_rows else Long(row=0, tokens=0)
        return Profile(
            context_length=context_length,
            **self.model_dump(include={"rows", "bytes", "turns", "tokens", "trained_tokens", "tokens_by_role"}),
            percentiles=percentiles(self.lengths),
            histogram=histogram(self.lengths),
            longest=top.tokens,
            longest_line=top.row,
            longest_rows=self.longest_rows,
            truncated_rows=0 if self.joined else rows,
            truncated_tokens=0 if self.joined else tokens,
            untrained_rows=untrained,
            longer=[] if self.joined else longer(self.lengths, self.firsts, context_length, max(model_max, context_length)),
            packing=packing(self.lengths, self.joined, context_length, batch_size, device),
        )


def count_tokens(canonical: Path, renderer: Renderer, task: TaskType, tick: Tick = lambda _: None) -> Tokens:
    """Tokenize every row of a canonical file and count. Raises TemplateError naming the first row that the template refuses."""
    counter = _Counter(renderer, task)
    rows = read_rows(canonical)
    while batch := list(islice(rows, BATCH)):
        counter.add(batch)
        tick(counter.rows)
    return counter.tokens(canonical.stat().st_size)


def profile(canonical: Path, renderer: Renderer, task: TaskType, context_length: int) -> Profile:
    """`count_tokens` at one context length."""
    return count_tokens(canonical, renderer, task).at(context_length)


class _Counter:
    """Sums over batches; keeps four bytes a row."""

    def __init__(self, renderer: Renderer, task: TaskType) -> None:
        self._renderer, self._task = renderer, task
        self._lengths = array("I")
        self._firsts: Counter[int] = Counter()
        self._trained = self._turns = 0
        self._roles: Counter[str] = Counter()
        self._systems: dict[str, int] = {}

    @property
    def rows(self) -> int:
        return len(self._lengths)

    def add(self, batch: list[Row]) -> None:
        for encoded in _encoded(self._renderer, batch, self._task, len(self._lengths)):
            self._lengths.append(len(encoded.ids))
            self._trained += (trained := sum(encoded.trained))
            if self._task is TaskType.CHAT_COMPLETION:
                self._roles["assistant"] += trained
            if self._task is not TaskType.CONTINUED_PRETRAIN:
                self._firsts[_first(encoded.trained)] += 1
        if self._task is TaskType.CHAT_COMPLETION:
            self._count_roles(batch)

    def tokens(self, size: int) -> Tokens:
        total = sum(self._lengths)
        longest = nlargest(NAMED, range(len(self._lengths)), key=lambda row: (self._lengths[row], -row))
        roles = {role: self._roles[role] for role in ("system", "user", "assistant")} if self._roles else {}
        roles |= {"template": total - self._roles.total()} if self._roles else {}
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
            longest_rows=[Long(row=row + 1, tokens=self._lengths[row]) for row in longest],
        )

    def _count_roles(self, batch: list[Row]) -> None:
        """What the assistant writes is what is trained; of the others the contents are counted by themselves."""
        messages = [message for row in batch for message in row["messages"]]
        self._turns += len(messages)
        asked = [message["content"] for message in messages if message["role"] == "user"]
        self._roles["user"] += sum(self._renderer.lengths(asked))
        for message in messages:
            if message["role"] == "system":
                self._roles["system"] += self._system(message["content"])

    def _system(self, text: str) -> int:
        if text not in self._systems:
            if len(self._systems) >= REMEMBERED:
                self._systems.clear()
            self._systems[text] = self._renderer.lengths([text])[0]
        return self._systems[text]


def _first(trained: list[bool]) -> int:
    """Where the first trained token stands; a row's first token never counts, because nothing predicts it."""
    try:
        return trained.index(True, 1)
    except ValueError:
        return NEVER


def _encoded(renderer: Renderer, batch: list[Row], task: TaskType, before: int) -> Iterable[Encoded]:
    try:
        return list(renderer.encode_many(batch, task))
    except TemplateError:
        for number, row in enumerate(batch, before + 1):
            try:
                renderer.encode(row, task)
            except TemplateError as error:
                raise TemplateError(f"Row {number:,}: {error}") from error
        raise
