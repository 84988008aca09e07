"""What an odd file is, and the bricks that they are built of."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runs.contract.spec import TaskType

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN


@dataclass(frozen=True)
class Odd:
    """A file, the name that it comes under, and the kinds of problem it has, errors first; `kinds` of a good file are warnings."""

    what: str
    name: str
    content: bytes
    kinds: tuple[str, ...]
    task: TaskType = CHAT
    ok: bool = False
    line: int | None = None  # of the first problem, where it has one

    def __str__(self) -> str:
        return f"{self.what} ({self.name})"


def bad(what: str, name: str, content: bytes, *kinds: str, task: TaskType = CHAT, line: int | None = None) -> Odd:
    return Odd(what, name, content, kinds, task, False, line)


def fine(what: str, name: str, content: bytes, *warned: str, task: TaskType = CHAT) -> Odd:
    return Odd(what, name, content, warned, task, True)


def turns(*roles: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": f"said by {role}"} for role in roles]


def chats(number: int = 3, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": f"What is {n}?"}, {"role": "assistant", "content": f"It is {n}."}]}
        for n in range(first, first + number)
    ]


def pairs(number: int = 3) -> list[dict[str, Any]]:
    return [{"prompt": f"What is {n}?", "response": f"It is {n}."} for n in range(number)]


def jsonl(*rows: Any, **options: Any) -> bytes:
    return b"".join(json.dumps(row, **options).encode() + b"\n" for row in rows)


GOOD = jsonl(*chats())
GOOD_PAIRS = jsonl(*pairs())


def zipped(files: "dict[str, Any] | Iterable[tuple[zipfile.ZipInfo | str, Any]]", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return file.getvalue()


def parquet(table: Any, **options: Any) -> bytes:
    """A table, or rows of it, as a parquet file."""
    import pyarrow as arrow
    import pyarrow.parquet as writer

    file = io.BytesIO()
    writer.write_table(arrow.Table.from_pylist(table) if isinstance(table, list) else table, file, **options)
    return file.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
