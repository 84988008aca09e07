"""The nearest settings with which a run fits, when those that were asked for do not. Pure arithmetic."""

from collections.abc import Callable, Iterator
from itertools import product

from pydantic import JsonValue

from runs.catalog.estimate import Estimate
from runs.contract.spec import DEFAULT_CONTEXT_LENGTH, Hyperparameters

SHORTEST = 256  # tokens; a shorter context than that is no help to anybody
Changes = dict[str, JsonValue]


def nearest(
    settings: Hyperparameters, need: Callable[[Hyperparameters], Estimate], *, memory: int, disk: int
) -> tuple[Changes, Estimate] | None:
    """The mildest changes with which `need` stays below `memory` and `disk` bytes; None when nothing helps."""
    for changes in _changes(settings):
        found = need(settings.model_copy(update=changes))
        if found.memory_bytes <= memory and found.disk_bytes <= disk:
            return changes, found
    return None


def _changes(asked: Hyperparameters) -> Iterator[Changes]:
    """What is only slower comes before what sees less of each row, and that before training less of the model."""
    methods = [method for method in ("full", "lora", "qlora") if _bites(method) >= _bites(asked.method)]
    kept = dict.fromkeys((asked.keep_checkpoints, 1))
    for method, length, checkpointing, keep in product(methods, _lengths(asked), _switches(asked), kept):
        wanted: Changes = {
            "method": method, "context_length": length, "gradient_checkpointing": checkpointing, "keep_checkpoints": keep
        }  # fmt: skip
        yield {name: value for name, value in wanted.items() if value != getattr(asked, name)}


def _bites(method: str) -> int:
    return ("full", "lora", "qlora").index(method)


def _switches(asked: Hyperparameters) -> list[bool]:
    return [True] if asked.gradient_checkpointing else [False, True]


def _lengths(asked: Hyperparameters) -> list[int]:
    """The length asked for, and halves of it."""
    lengths = [asked.context_length or DEFAULT_CONTEXT_LENGTH]
    while lengths[-1] // 2 >= SHORTEST:
        lengths.append(lengths[-1] // 2)
    return lengths
