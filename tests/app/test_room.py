"""A run that this machine will never have room for is not started, and what would fit is one click or one copy away."""

from typing import Any

import pytest
from django.test import Client

from runs import wiring
from runs.contract.spec import Hyperparameters
from runs.models import BaseModel, DataSet, Draft, Run, User
from runs.services import access, room
from tests.app.conftest import Call
from tests.offer import tiny_offer


@pytest.fixture
def model(db: None, owner: User) -> BaseModel:
    made = tiny_offer()
    access.accept_licence(licence=made.licence, by=owner)
    return made


@pytest.fixture
def asked(model: BaseModel, dataset: DataSet) -> dict[str, Any]:
    return {"model": model.name, "train_data_path": dataset.name, "register_to": "main.default", "context_length": 512}


@pytest.fixture
def small(model: BaseModel, dataset: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with just the memory for these rows with gradient checkpointing."""
    settings = Hyperparameters(context_length=512, learning_rate=0.001, gradient_checkpointing=True)
    memory = room.need(model, dataset)(settings).memory_bytes
    monkeypatch.setattr(wiring, "memory_bytes", lambda: memory)


def test_rest_refuses_with_the_settings_that_would_fit(api: Call, asked: dict[str, Any], small: None) -> None:
    answer = api("POST", "runs", asked)
    assert answer.status_code == 409, answer.json()
    (problem,) = answer.json()["problems"]
    assert (problem["code"], problem["facts"]["suggestion"]) == ("does_not_fit", {"gradient_checkpointing": True})
    assert "It would fit with gradient checkpointing: " in problem["message"]
    assert not Run.objects.exists()
    again = api("POST", "runs", {**asked, **problem["facts"]["suggestion"]})
    assert again.status_code == 201, again.json()


def test_the_wizard_takes_the_settings_over_with_one_click(
    client: Client, owner: User, asked: dict[str, Any], small: None
) -> None:
    client.force_login(owner)
    draft = Draft.objects.create(owner=owner, values={**asked, "task_type": "CHAT_COMPLETION", "context_length": "512"})
    review = f"/runs/new/{draft.key}/review/"
    assert "Use the settings that fit" in client.get(review).content.decode()
    assert client.post(review, {"go": "start", "register_to": "main.default"}).status_code == 422
    assert not Run.objects.exists()
    assert client.post(review, {"go": "fit", "register_to": "main.default"}, follow=True).status_code == 200
    assert "Use the settings that fit" not in client.get(review).content.decode()
    client.post(review, {"go": "start", "register_to": "main.default"})
    assert Run.objects.get().asked.gradient_checkpointing


def test_where_nothing_fits_a_smaller_model_is_advised(
    api: Call, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "memory_bytes", lambda: 1_000_000)
    problem = api("POST", "runs", asked).json()["problems"][0]
    assert "choose a smaller model" in problem["message"]
    assert problem["field"] == "model"
    assert "suggestion" not in problem["facts"]
