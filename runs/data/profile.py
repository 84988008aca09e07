"""Token counts of a data set as one model sees it at one context length. Measures, and leaves judging to advice.py."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.rendering import Encoded, Renderer, TemplateError
from runs.data.rows import Row, read_rows

BATCH = 512  # rows tokenized at once
BINS = 24  # bars of the histogram, at most
PERCENTILES = (50, 90, 95, 99)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Bin(Model):
    """Rows of `start` to `end - 1` tokens."""

    start: int
    end: int
    rows: int


class Profile(Model):
    """What training would meet. Rows count as the engine sees them: rendered, with special tokens."""

    context_length: int
    rows: int = 0
    bytes: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    tokens_by_role: dict[str, int] = {}
    """Chat: tokens of the contents of system, user and assistant, and of the template around them."""
    percentiles: dict[int, int] = {}
    """Percent of rows to the length in tokens that they do not exceed."""
    histogram: list[Bin] = []
    longest: int = 0
    longest_line: int = 0
    truncated_rows: int = 0
    truncated_tokens: int = 0
    untrained_rows: int = 0
    """Rows without one trained token within the context length; training drops them."""

    @property
    def trained_share(self) -> float:
        return self.trained_tokens / self.tokens if self.tokens else 0.0


def profile(canonical: Path, renderer: Renderer, task: TaskType, context_length: int) -> Profile:
    """Tokenize every row of a canonical file and count. Raises TemplateError naming the first row that the template refuses."""
    counter = _Counter(renderer, task, context_length)
    rows = read_rows(canonical)
    while batch := list(islice(rows, BATCH)):
        counter.add(batch)
    return counter.profile(canonical.stat().st_size)


class _Counter:
    """Sums over batches; keeps four bytes a row."""

    def __init__(self, renderer: Renderer, task: TaskType, context_length: int) -> None:
        self._renderer, self._task, self._context = renderer, task, context_length
        self._lengths = array("I")
        self._trained = self._truncated = self._lost = self._untrained = 0
        self._roles: dict[str, int] = {}
        self._packed = task is TaskType.CONTINUED_PRETRAIN  # concatenated and cut: no row is truncated

    def add(self, batch: list[Row]) -> None:
        for encoded in _encoded(self._renderer, batch, self._task, len(self._lengths)):
            length = len(encoded.ids)
            self._lengths.append(length)
            self._trained += sum(encoded.trained)
            if length > self._context and not self._packed:
                self._truncated += 1
                self._lost += length - self._context
            kept = encoded.trained if self._packed else encoded.trained[: self._context]
            self._untrained += True not in kept
        if self._task is TaskType.CHAT_COMPLETION:
            self._count_roles(batch)

    def profile(self, size: int) -> Profile:
        lengths = sorted(self._lengths)
        total, longest = sum(lengths), lengths[-1] if lengths else 0
        roles = {**self._roles, "template": total - sum(self._roles.values())} if self._roles else {}
        return Profile(
            context_length=self._context,
            rows=len(lengths),
            bytes=size,
            tokens=total,
            trained_tokens=self._trained,
            tokens_by_role=roles,
            percentiles={share: lengths[-(-len(lengths) * share // 100) - 1] for share in PERCENTILES} if lengths else {},
            histogram=list(_histogram(lengths)),
            longest=longest,
            longest_line=self._lengths.index(longest) + 1 if lengths else 0,
            truncated_rows=self._truncated,
            truncated_tokens=self._lost,
            untrained_rows=self._untrained,
        )

    def _count_roles(self, batch: list[Row]) -> None:
        messages = [message for row in batch for message in row["messages"]]
        counts = self._renderer.lengths([message["content"] for message in messages])
        for message, length in zip(messages, counts, strict=True):
            self._roles[message["role"]] = self._roles.get(message["role"], 0) + length


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


def _histogram(lengths: list[int]) -> Iterator[Bin]:
    """Bars of equal width from 0 to the longest row."""
    if not lengths:
        return
    width = -(-(lengths[-1] + 1) // BINS)
    counts = [0] * BINS
    for length in lengths:
        counts[length // width] += 1
    last = lengths[-1] // width
    for index, rows in enumerate(counts[: last + 1]):
        yield Bin(start=index * width, end=(index + 1) * width, rows=rows)
