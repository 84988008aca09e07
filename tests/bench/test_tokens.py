"""Exact token counts beside the tokenizer alone: the same rows, one process, both cores, in turns, the best of each.

The tokenizer alone gets texts that are rendered and in memory already. We read, parse, render and count besides.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.profile import count_tokens
from runs.data.rendering import Renderer
from runs.data.rows import Row, read_rows, write_row
from tests.bench import material

CHAT = TaskType.CHAT_COMPLETION
ROWS, ROUNDS, BATCH = 6_000, 5, 512
LEAST = 0.8


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return Renderer.load(material.write(tmp_path_factory.mktemp("model") / "17m", material.SHAPES["17m"]))


def distinct(number: int, row: Row) -> Row:
    """No two messages of a file are the same, so that nothing is gained from what repeats."""
    return {"messages": [{**message, "content": f"{number}: {message['content']}"} for message in row["messages"]]}


def unheard(number: int, row: Row) -> Row:
    """Hardly a word of a file is said twice, either."""
    chance = random.Random(number)
    return {
        "messages": [
            {
                **message,
                "content": " ".join(f"{chance.getrandbits(64):x}"[: chance.randint(3, 14)] for _ in message["content"].split()),
            }
            for message in row["messages"]
        ]
    }


def asked(row: Row) -> Row:
    question, answer = row["messages"][0]["content"], row["messages"][1]["content"]
    return {"prompt": question, "response": answer}


def texts(renderer: Renderer, task: TaskType, rows: list[Row]) -> list[str]:
    if task is TaskType.CHAT_COMPLETION:
        return [renderer.template.render(row["messages"]) for row in rows]
    if task is TaskType.INSTRUCTION_FINETUNE:
        return [text for row in rows for text in (row["prompt"], row["response"])]
    return [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("task", "made"),
    [(CHAT, distinct), (CHAT, unheard), (TaskType.INSTRUCTION_FINETUNE, distinct), (TaskType.CONTINUED_PRETRAIN, distinct)],
)
def test_counting_keeps_most_of_the_tokenizers_speed(
    task: TaskType, made: Callable[[int, Row], Row], renderer: Renderer, tmp_path: Path
) -> None:
    chats = [made(number, row) for number, row in enumerate(material.mixed(ROWS))]
    rows = {
        TaskType.CHAT_COMPLETION: lambda: chats,
        TaskType.INSTRUCTION_FINETUNE: lambda: [asked(row) for row in chats],
        TaskType.CONTINUED_PRETRAIN: lambda: [{"text": row["messages"][0]["content"] * 3} for row in chats],
    }[task]()
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(map(write_row, rows)))
    rendered = texts(renderer, task, list(read_rows(path)))

    def alone(encode: Callable[..., object]) -> Callable[[], object]:
        return lambda: [encode(rendered[at : at + BATCH], add_special_tokens=False) for at in range(0, len(rendered), BATCH)]

    ways = {
        "counted": lambda: count_tokens(path, renderer, task),
        "encode_batch_fast": alone(renderer._tokenizer.encode_batch_fast),
        "encode_batch": alone(renderer._tokenizer.encode_batch),
    }
    wall, cpu = dict.fromkeys(ways, 1e9), dict.fromkeys(ways, 1e9)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began, used = time.perf_counter(), time.process_time()
            way()
            wall[name] = min(wall[name], time.perf_counter() - began)
            cpu[name] = min(cpu[name], time.process_time() - used)
    tokens = count_tokens(path, renderer, task).tokens
    speed = tokens / wall["counted"] / 1e6
    print(f"\n{task}, {made.__name__}: {tokens:,} tokens, {speed:.2f} M tokens/s of wall time; of the tokenizer alone:")
    for name in list(ways)[1:]:
        print(f"  {name}: {wall[name] / wall['counted']:.0%} by wall time, {cpu[name] / cpu['counted']:.0%} by CPU time")
    assert cpu["encode_batch"] / cpu["counted"] >= LEAST
