"""What the page shows is what is trained, token by token: each task type, six chat templates, against the engine's own bins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.packing import batch, capacity
from runs.data.preview import MOST_TOKENS, PackedBatch, PackedRow, Settings, first_batch
from runs.data.rendering import Renderer
from runs.data.rows import Row
from runs.engine.batches import pack
from runs.engine.bins import Bin
from runs.engine.examples import tokenize
from tests.chats import STYLES, write_style
from tests.engine.folders import data_file

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
TEMPLATES = ["llama", "mistral", "chatml", "gemma", "none", "thinking"]  # Llama 3.x, no system role twice, a base model, ...


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Renderer]:
    home = tmp_path_factory.mktemp("styles")
    return lambda name: Renderer.load(write_style(name, home / name))


def rows(task: TaskType, style: str) -> list[Row]:
    """Rows of many lengths: some are cut at 120 tokens, some lose their whole answer, most are neither."""
    long = {9: 30, 23: 30, 31: 60}

    def words(number: int) -> str:
        return "the heater is cold. " * (long.get(number, 1 + number % 5))

    if task is TEXT:
        return [{"text": words(number) + str(number)} for number in range(40)]
    if task is INSTRUCTION:
        return [{"prompt": f"{number}: ", "response": words(number)} for number in range(20)] + [
            {"prompt": words(number), "response": f"Yes, {number}."} for number in range(20, 40)
        ]
    system = [{"role": "system", "content": "Answer briefly."}] if STYLES[style].takes_system else []
    turns = [[("user", words(number)), ("assistant", f"Yes, {number}.")] * (1 + number % 2) for number in range(40)]
    return [{"messages": [*system, *({"role": role, "content": text} for role, text in turn)]} for turn in turns]


def unfolded(packed: Bin) -> list[tuple[list[int], list[bool]]]:
    """A bin's rows as (tokens, which of them are targets), each with the beginning that it shares and its last target."""
    ids, sources, targets = packed.ids[0].tolist(), packed.sources.tolist(), packed.targets.tolist()
    beginnings = {group.start for group in packed.groups if group.shared}
    rows, at = [], 0
    for group in packed.groups:
        for place in range(at, at + group.count * group.length, group.length):
            if place not in beginnings:
                own = range(place, place + group.length)
                logical = [*range(group.start, group.start + group.shared), *own]
                marks = _targets(sources, logical)
                last = targets[len(targets) - len(sources) - 1]
                rows.append(([*(ids[token] for token in logical), last], marks))
        at += group.count * group.length
    assert not sources, "every target belongs to a row"
    return rows


def _targets(sources: list[int], places: list[int]) -> list[bool]:
    """Take this row's sources from the front: each one's next token is a target."""
    marks, last = [False] * (len(places) + 1), -1
    while sources and sources[0] in places and (found := places.index(sources[0])) > last:
        marks[found + 1], last = True, found
        del sources[0]
    return marks


def seen(row: PackedRow) -> tuple[list[int], list[bool]]:
    """What is shown, without what follows the last target: the engine leaves that out, for nothing depends on it."""
    end = len(row.trained) - row.trained[::-1].index(True)
    return row.ids[:end], row.trained[:end]


SETTINGS = [Settings(context_length=120, batch_size=8, seed=17), Settings(context_length=64, batch_size=16, seed=3)]


@pytest.mark.parametrize("style", TEMPLATES)
@pytest.mark.parametrize("task", TaskType)
@pytest.mark.parametrize("settings", SETTINGS, ids=["long", "short"])
def test_the_shown_batch_is_the_trained_one(
    style: str, task: TaskType, settings: Settings, renderer: Callable[[str], Renderer], tmp_path: Path
) -> None:
    found, data = renderer(style), data_file(tmp_path / "rows.jsonl", rows(task, style))
    shown = first_batch(data.path, found, task, settings)
    examples = tokenize(data, found, task, settings.context_length, lambda _: None)
    chosen = batch(0, len(examples), settings.batch_size, settings.seed)
    trained = list(pack(examples, chosen, capacity(settings.context_length, settings.device)))
    assert len(shown.bins) == len(trained)
    for ours, theirs in zip(shown.bins, trained, strict=True):
        assert sorted(map(seen, ours)) == sorted(unfolded(theirs))
    assert (shown.kept, shown.dropped) == (len(examples), examples.dropped)
    if task is CHAT and settings.context_length == 64:
        assert shown.dropped > 0, "a row whose answer is cut off must be among them, or this shows nothing"


def test_rows_are_named_by_their_place_in_the_file(renderer: Callable[[str], Renderer], tmp_path: Path) -> None:
    found, data = renderer("chatml"), data_file(tmp_path / "rows.jsonl", rows(CHAT, "chatml"))
    shown = first_batch(data.path, found, CHAT, Settings(context_length=120, batch_size=64, seed=1))
    numbers = [row.number for one in shown.bins for row in one]
    assert len(numbers) == len(set(numbers)) == shown.kept
    source = rows(CHAT, "chatml")
    assert all(found.encode(source[row.number - 1], CHAT).ids[:120] == row.ids for one in shown.bins for row in one)


def test_nothing_to_learn_is_an_empty_batch(renderer: Callable[[str], Renderer], tmp_path: Path) -> None:
    data = data_file(tmp_path / "rows.jsonl", [{"prompt": "word " * 100, "response": "Yes."}])
    shown = first_batch(data.path, renderer("chatml"), INSTRUCTION, Settings(context_length=16, batch_size=8, seed=1))
    assert shown == PackedBatch(bins=[], bin_tokens=16, kept=0, dropped=1, steps=0)


def test_of_a_batch_of_a_whole_data_set_the_first_bins_are_made(renderer: Callable[[str], Renderer], tmp_path: Path) -> None:
    """A batch may have 65,536 rows, and a row as many tokens as the model reads: nobody could show all of them."""
    data = data_file(tmp_path / "rows.jsonl", [{"text": "Es regnet. " * 20_000}])
    settings = Settings(context_length=1_024, batch_size=65_536, seed=1)
    shown = first_batch(data.path, renderer("chatml"), TaskType.CONTINUED_PRETRAIN, settings)
    assert shown.kept > 40
    assert sum(len(row.ids) for one in shown.bins for row in one) <= MOST_TOKENS
    assert len(shown.bins) + shown.more_bins == sum(len(one) for one in shown.bins) + shown.more_rows == shown.kept
    one = first_batch(
        data.path,
        renderer("chatml"),
        TaskType.CONTINUED_PRETRAIN,
        Settings(context_length=40_000, batch_size=2, seed=1, device="cuda"),
    )
    assert (len(one.bins), one.more_bins) == (1, 1), "a bin larger than that comes alone"
