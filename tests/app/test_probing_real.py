"""A probe by the engine itself."""

import time

import pytest

from runs.models import BaseModel, DataSet, User
from runs.models.probing import Stage
from runs.services import access, probing
from runs.services.estimates import estimate
from runs.services.lifecycle import read_request
from tests.offer import tiny_offer


@pytest.fixture
def model(db: None, owner: User) -> BaseModel:
    made = tiny_offer()
    access.accept_licence(licence=made.licence, by=owner)
    return made


def test_a_real_engine_takes_real_steps(model: BaseModel, dataset: DataSet, owner: User) -> None:
    asked = read_request({"model": model.name, "train_data_path": dataset.name, "register_to": "main.default"})
    made = probing.ask(by=owner, asked=asked)
    token, until = probing.work(made.pk, ""), time.monotonic() + 120
    while token and time.monotonic() < until:
        token = probing.work(made.pk, token)
    made.refresh_from_db()
    assert (made.stage, made.reason) == (Stage.READY, "")
    told = estimate(asked=asked, by=owner)
    assert told.basis == "measured"
    assert told.seconds
    assert told.seconds_low
    assert told.seconds_low < told.seconds
    assert 100 << 20 < told.memory_bytes < 2 << 30
