"""When a run does not fit, the mildest change that makes it fit is found."""

import sys

import pytest

from runs.catalog.entries import load_models
from runs.catalog.estimate import Estimate, estimate
from runs.catalog.nearest import nearest
from runs.catalog.work import Work
from runs.contract.spec import Hyperparameters

SMOLLM = load_models()[0].architecture
ASKED = Hyperparameters(context_length=8_192, keep_checkpoints=3, eval_interval="2ba")


def need(settings: Hyperparameters) -> Estimate:
    """Of rows that fill any context."""
    work = Work(rows=100, tokens=900_000, trained=900_000, blocks=100, longest=9_000)
    return estimate(SMOLLM, hyperparameters=settings, device="cpu", work=work, cores=2)


def found(memory: int = sys.maxsize, disk: int = sys.maxsize) -> dict[str, object] | None:
    best = nearest(ASKED, need, memory=memory, disk=disk)
    return best and best[0]


def with_(**changes: object) -> Estimate:
    return need(ASKED.model_copy(update=changes))


def test_what_fits_is_left_alone() -> None:
    assert found() == {}


def test_what_is_only_slower_comes_first() -> None:
    assert found(memory=with_(gradient_checkpointing=True).memory_bytes) == {"gradient_checkpointing": True}


def test_then_the_context_gets_shorter_and_only_then_less_of_the_model_is_trained() -> None:
    memory = with_(gradient_checkpointing=True, context_length=2_048).memory_bytes
    assert found(memory=memory) == {"gradient_checkpointing": True, "context_length": 2_048}
    smallest = with_(gradient_checkpointing=True, context_length=256).memory_bytes
    changes = found(memory=smallest - 1)
    assert changes is not None
    assert changes["method"] == "lora"


def test_a_full_disk_asks_for_fewer_checkpoints() -> None:
    assert found(disk=with_(keep_checkpoints=1).disk_bytes) == {"keep_checkpoints": 1}


def test_nothing_helps_where_there_is_nothing() -> None:
    assert found(memory=1) is None


@pytest.mark.parametrize("memory", [3 * 2**30, 2 * 2**30, 1 * 2**30])
def test_what_is_suggested_fits(memory: int) -> None:
    best = nearest(ASKED, need, memory=memory, disk=sys.maxsize)
    if best is not None:
        changes, then = best
        assert need(ASKED.model_copy(update=changes)) == then
        assert then.memory_bytes <= memory
