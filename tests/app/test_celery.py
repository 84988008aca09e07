"""The Celery application: what beat asks for exists, messages are JSON, and a broker that is gone holds nobody up."""

import json
import time

import pytest
import redis
from celery import current_app
from kombu.exceptions import OperationalError

from finetuning_ui.celery import app


def test_shared_tasks_belong_to_our_application() -> None:
    assert current_app._get_current_object() is app


def test_every_periodic_task_exists() -> None:
    app.loader.import_default_modules()
    wanted = {entry["task"] for entry in app.conf.beat_schedule.values()}
    names = ("reap", "mirror", "forget", "retire", "seal", "post", "deliver", "sweep", "weigh")
    assert wanted == {f"runs.tasks.{name}" for name in names}
    assert wanted <= set(app.tasks)


def test_a_message_is_json_in_our_own_queue(broker: str) -> None:
    with redis.Redis.from_url(broker) as valkey:
        valkey.delete("finetuning")
        app.send_task("runs.tasks.reap", args=[1], ignore_result=True)
        message = json.loads(valkey.lpop("finetuning"))  # type: ignore[arg-type]
    assert message["content-type"] == "application/json"
    assert message["headers"]["task"] == "runs.tasks.reap"


def test_publishing_while_the_broker_is_gone_fails_within_seconds(broker_down: None) -> None:
    """A person who presses Start waits for this."""
    began = time.monotonic()
    with pytest.raises((OperationalError, redis.RedisError)):
        app.send_task("runs.tasks.reap", retry=False, ignore_result=True)
    assert time.monotonic() - began < 3


def test_publishing_works_again_as_soon_as_the_broker_is_back(broker: str) -> None:
    app.send_task("runs.tasks.reap", retry=False, ignore_result=True)
    with redis.Redis.from_url(broker) as valkey:
        assert valkey.llen("finetuning") >= 1
        valkey.delete("finetuning")
