"""Rows with what is private in them masked; their form stays as it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from runs.contract.spec import TaskType
from runs.data import private
from runs.data.contents import Tick, batches
from runs.data.rows import Row, write_row


def masked(source: Path, task: TaskType, tick: Tick) -> Iterator[tuple[bytes, int]]:
    """The rows with what is private masked, and how many values that were in each."""
    done = 0
    for lines in batches(source):
        for line in lines:
            row, changes = _mask(orjson.loads(line), task)
            yield write_row(row) if changes else line, changes
        tick(done := done + len(lines))


def mask(text: str) -> tuple[str, int]:
    """The text with `[EMAIL]`, `[PHONE]`, ... in place of what is private, and how many values that were."""
    matches = private.find(text)
    for match in reversed(matches):
        text = text[: match.start] + match.kind.mask + text[match.end :]
    return text, len(matches)


def _mask(row: Row, task: TaskType) -> tuple[Row, int]:
    if task is not TaskType.CHAT_COMPLETION:
        texts = {name: mask(value) for name, value in row.items() if name != "part"}
        return {**row, **{name: text for name, (text, _) in texts.items()}}, sum(changes for _, changes in texts.values())
    masked: list[tuple[dict[str, Any], int]] = []
    for message in row["messages"]:
        text, changes = mask(message["content"])
        masked.append(({**message, "content": text}, changes))
    return {"messages": [message for message, _ in masked]}, sum(changes for _, changes in masked)
