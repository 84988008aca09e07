"""Checks a file against the rules of a task, in one pass and bounded memory, and writes its canonical rows.

Every fault becomes a sentence in the report; no content of a file raises. Good rows take a fast path.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from runs.contract.spec import TaskType
from runs.data.canonical import Canonical, Copies
from runs.data.fast import ESCAPED_NUL, LONG, Fast
from runs.data.fit import ModelFit
from runs.data.formats import NAMES, TABLES, ending, read
from runs.data.lines import Batch, repeated_keys
from runs.data.mapping import SHAPES, CannotMap, Mapping, convert, detect
from runs.data.marks import odd, suspicious
from runs.data.rendering import Renderer
from runs.data.report import PREVIEW, PREVIEW_CHARACTERS, Findings, Report, Unreadable
from runs.data.rows import Row
from runs.data.rules import RULES

__all__ = ["Report", "check"]

HEADERS = {
    TaskType.CHAT_COMPLETION: "Name the one column messages, each cell a JSON list; in CSV the first line names the columns.",
    TaskType.INSTRUCTION_FINETUNE: "Name the columns prompt and response; in CSV in the first line, with a comma between them.",
    TaskType.CONTINUED_PRETRAIN: "Name the one column text; in CSV the first line names it.",
}
LIKE = {
    TaskType.CHAT_COMPLETION: 'Write {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
    TaskType.INSTRUCTION_FINETUNE: 'Write {"prompt": "…", "response": "…"}.',
    TaskType.CONTINUED_PRETRAIN: 'Write {"text": "…"}.',
}
HEADLESS = "The first line looks like a row, not like names of columns. "
LOOKED_AT = 20  # refused rows in which a foreign shape is looked for


def check(
    path: Path,
    *,
    task: TaskType,
    name: str,
    canonical: Path | None,
    mapping: str | None = None,
    renderer: Renderer | None = None,
    tick: Callable[[int], None] = lambda _: None,
) -> Report:
    """Check a file or folder, called `name` by the person who gave it, and write its canonical rows to `canonical`.

    `mapping` is the shape of a confirmed `Report.proposal`. With a `renderer`, rows that the model's template does not accept
    are found too. `tick` hears how many rows are good so far.

    The canonical file exists afterwards only if the report is `ok`; equal rows give equal bytes.
    """
    with Canonical(canonical) as out:
        fit = ModelFit(renderer) if renderer and task is TaskType.CHAT_COMPLETION else None
        checking = _Checking(task, "" if path.is_dir() else name, out, mapping, fit, tick)
        try:
            checking.run(read(path, name, task, checking.findings, canonical.parent if canonical else None))
        except Unreadable as stop:
            checking.findings.add(stop.kind, stop.message, line=stop.line, file=stop.file, remedy=stop.remedy)
        good = out.rows > 0 and not checking.findings.failed
        return Report(
            name=name,
            task=task,
            format="folder of texts" if path.is_dir() else NAMES.get(ending(name), ending(name)),
            rows=out.rows,
            bytes=_size(path),
            digest=out.keep() if good else "",
            mapping=mapping,
            proposal=checking.proposal(),
            groups=checking.findings.groups(),
            preview=checking.preview,
        )


class _Checking:
    """The state of one check."""

    def __init__(
        self, task: TaskType, file: str, out: Canonical, mapping: str | None, fit: ModelFit | None, tick: Callable[[int], None]
    ) -> None:
        self.findings = Findings(file)
        self._table = ending(file) in (*TABLES, ".parquet")
        self.preview: list[Row] = []
        self._task, self._out, self._mapping, self._fit, self._tick = task, out, mapping, fit, tick
        self._rule, self._fast = RULES[task](), Fast(task)
        self._copies = Copies()
        self._shapes: list[str | None] = []
        self._mappable = False

    def run(self, batches: Iterable[Batch]) -> None:
        seen = False
        for batch in batches:
            self._tick(self._out.rows)
            if self._all_good(batch):
                seen = True
                continue
            for number, row, raw in batch.items():
                self._one(number, row, raw)
                seen = True
        if not seen and not self.findings.failed:
            self.findings.add("empty", "There are no rows.")
        self._copies.report(self.findings)

    def _like(self, row: Row) -> str:
        """How rows must look. A name of a column that ends like a sentence is no name."""
        if not self._table:
            return LIKE[self._task]
        headless = any(len(key) > 60 or key.rstrip().endswith((".", "?", "!")) for key in row)
        return f"{HEADLESS if headless else ''}{HEADERS[self._task]}"

    def _all_good(self, batch: Batch) -> bool:
        """The fast path: take a whole batch of lines if nothing in it needs a closer look."""
        if not batch.lines or self._mapping or self._fit or len(self.preview) < PREVIEW:
            return False
        block = self._fast.written(batch.lines)
        if block is None:
            return False
        self._copies.note(batch.numbers, block[:-1].split(b"\n"))
        self._out.write(block, len(batch))
        return True

    def _one(self, number: int, found: Any, raw: bytes) -> None:
        row = found if self._mapping is None else self._converted(found, number)
        try:
            line = orjson.dumps(row) if self._rule.fits(row) else ESCAPED_NUL
            if ESCAPED_NUL in line:
                row = self._mended(row, number)
                line = orjson.dumps(row)
        except TypeError as error:  # a lone surrogate, which orjson writes as little as it reads it
            self.findings.add("surrogate", f"The row holds half a character: {error}.", line=number)
            return
        if (row is None or _fewer_quotes(line, raw)) and self._repeated(raw, number):
            return
        if row is None:
            return
        if (length := len(raw or line)) > LONG:
            self.findings.add("long_line", f"The row is {length:,} bytes long.", line=number)
        if suspicious(line) and (strange := odd(list(_texts(row)))):
            self.findings.add("odd_characters", strange, line=number)
        if self._fit:
            self._fit.look(row, lambda kind, text, field="": self.findings.add(kind, text, line=number, field=field))
        if len(self.preview) < PREVIEW:
            self.preview.append(_shortened(row))
        self._copies.note((number,), (line,))
        self._out.write(line + b"\n", 1)

    def proposal(self) -> Mapping | None:
        """The one foreign shape that all refused rows have, if it mends any of them."""
        shape = self._shapes[0] if self._mappable and len(set(self._shapes)) == 1 else None
        return SHAPES[shape].proposal(shape, self._task) if shape and self._mapping is None else None

    def _converted(self, row: Any, number: int) -> Row | None:
        try:
            return convert(row, self._mapping or "", self._task)
        except CannotMap as error:
            self.findings.add("mapping", str(error), line=number)
            return None

    def _mended(self, row: Any, number: int) -> Row | None:
        if not isinstance(row, dict):
            if self._mapping is None:
                self.findings.add("not_object", "The line is JSON, but not an object in braces.", line=number)
            return None

        def say(kind: str, message: str, field: str = "", remedy: str = "") -> None:
            if kind == "keys":
                remedy = _other_task(row, self._task) or self._like(row)
            elif kind == "not_text" and self._table and not remedy:
                remedy = "Make the whole column one of text, and fill what is empty."
            self.findings.add(kind, message, line=number, field=field, remedy=remedy)

        mended = self._rule.mend(row, say)
        if mended is None and len(self._shapes) < LOOKED_AT:
            self._shapes.append(shape := detect(row, self._task))
            self._mappable = self._mappable or (shape is not None and self._would_do(row, shape))
        return mended

    def _would_do(self, row: Row, shape: str) -> bool:
        """Whether the row is a good one as soon as it is mapped: of what no mapping mends, none is proposed."""
        try:
            return self._rule.mend(convert(row, shape, self._task), lambda *_, **__: None) is not None
        except CannotMap:
            return False

    def _repeated(self, raw: bytes, number: int) -> bool:
        keys = repeated_keys(raw) if raw else []
        for key in keys:
            self.findings.add("duplicate_key", f"The key “{key[:40]}” is there twice.", line=number, field=key[:40])
        return bool(keys)


def _fewer_quotes(written: bytes, read: bytes) -> bool:
    """Whether something may be lost: a key that is there twice leaves the parser once. Escaped quotes raise a false alarm."""
    return bool(read) and written.count(b'"') != read.count(b'"')


def _other_task(row: Row, task: TaskType) -> str:
    """The remedy when a row is a good one, but of another task."""
    words = {
        TaskType.CHAT_COMPLETION: "These are rows for chat completion: choose that task.",
        TaskType.INSTRUCTION_FINETUNE: "These are rows for instruction fine-tuning: choose that task, or confirm the mapping.",
        TaskType.CONTINUED_PRETRAIN: "These are rows for continued pretraining: choose that task.",
    }
    for other, remedy in words.items():
        if other is not task and RULES[other]().mend(row, lambda *_, **__: None) is not None:
            return remedy
    return ""


def _shortened(value: Any) -> Any:
    """A row with its texts cut, so that a preview stays small."""
    if isinstance(value, str):
        return value if len(value) <= PREVIEW_CHARACTERS else value[:PREVIEW_CHARACTERS] + "…"
    if isinstance(value, list):
        return [_shortened(part) for part in value]
    return {key: _shortened(part) for key, part in value.items()}


def _texts(value: Any) -> Iterator[str]:
    """Every text in a row."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _size(path: Path) -> int:
    """Bytes of a file, or of the texts in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*.txt") if file.is_file())
    return path.stat().st_size if path.exists() else 0
