"""A run specification is settled: nothing in it is left for the engine to choose."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runs.contract.inputs import DataFile, ModelSource
from runs.contract.spec import Hyperparameters, RunSpec, TaskType


def spec(**settings: Any) -> RunSpec:
    return RunSpec(
        name="run",
        task_type=TaskType.CHAT_COMPLETION,
        base_model=ModelSource(name="tiny", path=Path("/model"), max_context_length=512),
        train=DataFile(path=Path("/rows"), digest="sha256:0", rows=1),
        hyperparameters=Hyperparameters(**{"learning_rate": 1e-4, "context_length": 256, **settings}),
    )


def test_its_context_length_is_the_one_that_was_asked_for() -> None:
    assert spec().context_length == 256


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"learning_rate": None}, "must be numbers here"),
        ({"context_length": None}, "must be numbers here"),
        ({"context_length": 1_024}, "1,024 tokens is more than tiny reads, which is 512"),
    ],
)
def test_what_is_open_or_too_long_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec(**settings)
