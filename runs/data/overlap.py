"""Training rows that are in the evaluation set too: the same row, the same question, or nearly the same text.

An evaluation that asks what was trained on measures memory. The evaluation set's sketches are held in memory (112 bytes a row),
the training set streams past them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data import similarity
from runs.data.contents import Tick, Twinned, batches
from runs.data.pool import Pool
from runs.data.similarity import Pieces
from runs.data.twins import SAMPLE, Pairs
from runs.data.wording import Said, key, plain, said

TELLING = 12  # characters of a question below which two rows may share it by chance
SAME_BAND = 4  # evaluation rows that are tried for one hash


@dataclass(frozen=True)
class Leaks:
    """A training row and the evaluation row that it gives away, both counted from 0; a training row is in one list only."""

    exact: Pairs
    question: Pairs
    near: Pairs

    @property
    def rows(self) -> frozenset[int]:
        return frozenset(row for pairs in (self.exact, self.question, self.near) for row, _ in pairs)


class Overlap(BaseModel):
    """`exact` and `question` without regard to case, punctuation and spacing; `near` at an index of 0.8."""

    model_config = ConfigDict(frozen=True)
    rows: int = 0
    evaluation_rows: int = 0
    exact: Twinned = Twinned()
    question: Twinned = Twinned()
    near: Twinned = Twinned()
    asked: int = 0
    """Evaluation rows of which a training row gives something away."""

    @property
    def count(self) -> int:
        return self.exact.count + self.question.count + self.near.count

    @property
    def share(self) -> float:
        """Of the evaluation set, 0 to 1."""
        return self.asked / self.evaluation_rows if self.evaluation_rows else 0.0


def overlap(train: Path, evaluation: Path, task: TaskType, tick: Tick = lambda _: None) -> Overlap:
    """What `leaks` finds, in numbers, with the first rows of each kind."""
    index = _Index(evaluation, task)
    found = _leaks(train, index, task, tick)
    every = [*found.exact, *found.question, *found.near]
    return Overlap(
        rows=index.trained,
        evaluation_rows=index.rows,
        exact=Twinned.of(found.exact),
        question=Twinned.of(found.question),
        near=Twinned.of(found.near),
        asked=len({of for _, of in every}),
    )


def leaks(train: Path, evaluation: Path, task: TaskType, tick: Tick = lambda _: None) -> Leaks:
    """All training rows that give an evaluation row away."""
    return _leaks(train, _Index(evaluation, task), task, tick)


def _leaks(train: Path, index: "_Index", task: TaskType, tick: Tick) -> Leaks:
    index.learn(islice(_spoken(train, task), SAMPLE))
    kinds: dict[str, Pairs] = {"exact": [], "question": [], "near": []}
    done = 0
    for lines in batches(train):
        rows = [said(orjson.loads(line), task) for line in lines]
        for place, kind, of in index.look(rows):
            kinds[kind].append((done + place, of))
        done += len(lines)
        index.trained = done
        tick(done)
    return Leaks(**kinds)


def _spoken(path: Path, task: TaskType) -> Iterator[Said]:
    for lines in batches(path):
        yield from (said(orjson.loads(line), task) for line in lines)


class _Index:
    """An evaluation set, ready to be asked whether a row is in it."""

    def __init__(self, path: Path, task: TaskType) -> None:
        self._path, self._task = path, task
        self._pool = Pool(path, task)
        self._whole: dict[int, int] = {}
        self._question: dict[int, int] = {}
        self._bands: list[dict[int, list[int]]] = [{} for _ in range(similarity.BANDS)]
        self.rows = self.trained = 0

    def learn(self, sample: Iterable[Said]) -> None:
        """Take the evaluation set in; what most rows of the training sample share says nothing about a leak."""
        self._pool.frame = similarity.frame([similarity.pieces(row.whole) for row in sample])
        for lines in batches(self._path):
            self._pool.note(lines)
            rows = [said(orjson.loads(line), self._task) for line in lines]
            for number, row in enumerate(rows, self.rows):
                self._whole.setdefault(key(plain(row.whole)), number)
                if len(plain(row.question)) >= TELLING:
                    self._question.setdefault(key(plain(row.question)), number)
            for place, hashes in _sketched(self._bare(rows)):
                for band, value in zip(self._bands, hashes, strict=True):
                    if len(known := band.setdefault(value, [])) < SAME_BAND:
                        known.append(self.rows + place)
            self.rows += len(lines)

    def look(self, rows: Sequence[Said]) -> Iterator[tuple[int, str, int]]:
        """(place in `rows`, kind, evaluation row) of those that leak."""
        bare = self._bare(rows)
        found: dict[int, tuple[str, int]] = {}
        for place, row in enumerate(rows):
            if (of := self._whole.get(key(plain(row.whole)))) is not None:
                found[place] = ("exact", of)
            elif row.question and (of := self._question.get(key(plain(row.question)))) is not None:
                found[place] = ("question", of)
        for place, hashes in _sketched(bare):
            if place not in found and (of := self._nearest(bare[place], hashes)) is not None:
                found[place] = ("near", of)
        yield from ((place, kind, of) for place, (kind, of) in sorted(found.items()))

    def _nearest(self, row: Pieces, hashes: list[int]) -> int | None:
        tried = sorted({of for band, value in zip(self._bands, hashes, strict=True) for of in band.get(value, ())})
        return next((of for of in tried if similarity.jaccard(row, self._pool.pieces(of)) >= similarity.THRESHOLD), None)

    def _bare(self, rows: Sequence[Said]) -> list[Pieces]:
        return [similarity.without(similarity.pieces(row.whole), self._pool.frame) for row in rows]


def _sketched(bare: Sequence[Pieces]) -> Iterator[tuple[int, list[int]]]:
    """Place and band hashes of the rows that have words of their own."""
    places = [place for place, pieces in enumerate(bare) if len(pieces)]
    if places:
        yield from zip(places, similarity.bands([bare[place] for place in places]).tolist(), strict=True)
