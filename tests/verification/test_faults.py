"""A run outlives whatever is killed around it: real processes, a real (tiny) model, kill -9, and the same complete history."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from finetuning_ui.client import ApiError, Client, ConnectionFailed
from finetuning_ui.env import PROJECT
from tests.stack import Stack, wait_for
from tests.tiny import write_tiny_model

MODEL = "tests/tiny-llama"
STEPS = 600  # some seconds: long enough to be killed in the middle, short enough to wait for
INTERVAL = 60  # steps between checkpoints

ADD_MODEL = f"""
from runs.models import BaseModel, Licence
licence = Licence.objects.get(key="apache-2-0")
BaseModel.objects.get_or_create(name="{MODEL}", defaults=dict(display_name="Tiny", family="Test", parameters=100_000,
    max_context_length=512, task_types=["CHAT_COMPLETION"], licence=licence))
"""

ROWS = [
    {"messages": [{"role": "user", "content": f"What is {n} and {n}?"}, {"role": "assistant", "content": f"It is {2 * n}."}]}
    for n in range(60)
]


class Product(Stack):
    """A whole stack with a tiny base model, and a script that uses its REST API."""

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        done = subprocess.run(command, env=os.environ | self.environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def furnish(self) -> None:
        write_tiny_model(self.folder / "models" / MODEL)
        self.manage("shell", "--verbosity", "0", "-c", ADD_MODEL)
        token = self.manage("create_token", "admin", "--name", "tests")
        self.client = Client(f"http://127.0.0.1:{self.port}", token)
        rows = self.folder / "rows.jsonl"
        rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        self.client.accept_licence("apache-2-0")
        self.client.upload(rows, name="sums")

    def submit(self, **settings: Any) -> str:
        wanted = {"training_duration": f"{STEPS}ba", "eval_interval": f"{INTERVAL}ba", "batch_size": 8, "context_length": 128}
        wanted |= {"learning_rate": 1e-3, "model": MODEL, "train_data_path": "sums", "register_to": "main.default"}
        return str(self.client.create(**wanted | settings)["name"])

    def run(self, name: str) -> dict[str, Any]:
        """The run as REST tells it, patient with a web process that is being started again."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.client.run(name)
            except (ConnectionFailed, ApiError):
                assert time.monotonic() < deadline, self.said
                time.sleep(0.2)

    def engine_pid(self, name: str) -> int:
        return int(json.loads((self.folder / "runs" / name / "engine.json").read_text())["pid"])

    def engine(self, name: str) -> psutil.Process:
        return psutil.Process(self.engine_pid(name))

    def reaches(self, name: str, happened: Callable[[dict[str, Any]], bool], seconds: float = 120) -> None:
        def reached() -> bool:
            run = self.run(name)
            assert run["status"] != "FAILED", f"{run['details']}\n{(self.folder / 'runs' / name / 'log.txt').read_text()}"
            return happened(run)

        wait_for(reached, seconds, lambda: f"{self.run(name)}\n{self.said}")

    def completes(self, name: str) -> None:
        self.reaches(name, lambda run: run["status"] == "COMPLETED", seconds=180)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with TemporaryDirectory(prefix="finetuning-ui-faults-") as parent:
        product = Product(Path(parent, "data"), MLFLOW_TRACKING_URI="", ENGINE_THREADS="1").start()
        try:
            product.says("mlflow | ready", seconds=120)
            product.furnish()
            yield product
        finally:
            product.end()


@pytest.fixture(scope="module")
def finished(product: Product) -> str:
    """A short run that is done and registered."""
    name = product.submit(training_duration="5ba", register_to="main.default.sums")
    product.completes(name)
    return name


def in_the_middle(run: dict[str, Any]) -> bool:
    return bool(run["step"] > 2 * INTERVAL)


def assert_nothing_lost_or_doubled(product: Product, name: str) -> None:
    """Every step has one point, every lasting event is there once, and the engine's file was read to its end."""
    points = list(product.client.metrics(name, kind="train"))
    assert [point["step"] for point in points] == list(range(1, STEPS + 1))
    types = [event["type"] for event in product.client.events(name)]
    for once in ("CREATED", "STARTED", "DATA_VALIDATED", "MODEL_INITIALIZED", "TRAIN_STARTED", "TRAIN_FINISHED", "COMPLETED"):
        assert types.count(once) == 1, types


def test_a_run_whose_engine_is_killed_goes_on_from_its_last_checkpoint(product: Product) -> None:
    name = product.submit()
    product.reaches(name, in_the_middle)
    product.engine(name).send_signal(signal.SIGKILL)
    product.completes(name)
    assert_nothing_lost_or_doubled(product, name)
    events = product.client.events(name)
    assert any(event["type"] == "REQUEUED" and "lost" in event["message"] for event in events)
    assert any("goes on from batch" in event["message"] for event in events)


@pytest.mark.parametrize("victims", [("worker", "beat", "web"), ("valkey", "postgres", "mlflow")], ids=["clients", "services"])
def test_a_run_completes_while_parts_of_the_stack_are_killed(product: Product, victims: tuple[str, ...]) -> None:
    """One after the other, each as soon as the last was started again. Who uses the services must find them again by itself."""
    name = product.submit()
    product.reaches(name, in_the_middle)
    engine = product.engine(name)
    for victim in victims:
        killed = product.pid(victim)
        assert engine.is_running(), "it trains while this one is killed"
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda victim=victim, killed=killed: product.pid(victim) != killed, 60, lambda: product.said)  # type: ignore[misc]
    product.completes(name)
    assert_nothing_lost_or_doubled(product, name)
    assert product.engine_pid(name) == engine.pid, "nobody disturbed the training process"


def test_a_run_goes_on_after_the_whole_stack_was_stopped_and_started(product: Product, finished: str) -> None:
    name = product.submit()
    product.reaches(name, in_the_middle)
    engine = product.engine(name)
    product.end()
    assert not engine.is_running(), "nothing is left behind"
    product.starts()
    assert product.run(finished)["status"] == "COMPLETED"
    product.completes(name)
    assert_nothing_lost_or_doubled(product, name)


def test_a_run_is_attached_to_again_when_the_whole_stack_was_killed(product: Product) -> None:
    name = product.submit()
    product.reaches(name, in_the_middle)
    engine = product.engine(name)
    product.process.kill()
    product.process.wait()
    assert engine.is_running(), "the training process outlives everything that watches it"
    product.starts()
    product.completes(name)
    assert product.engine_pid(name) == engine.pid
    assert_nothing_lost_or_doubled(product, name)


def test_a_cancelled_run_stops_with_a_usable_checkpoint(product: Product) -> None:
    name = product.submit(training_duration="20000ba", eval_interval="10000ba")
    product.reaches(name, in_the_middle)
    product.client.cancel(name)
    product.reaches(name, lambda run: run["status"] == "STOPPED", seconds=30)
    checkpoints = product.client.checkpoints(name)
    assert checkpoints
    folder = product.folder / "runs" / name / "checkpoints" / checkpoints[-1]["name"]
    assert (folder / "model.safetensors").stat().st_size > 0
    assert product.client.events(name)[-1]["type"] == "CANCELED"


def test_two_runs_wait_for_one_another_and_both_complete(product: Product) -> None:
    first, second = product.submit(training_duration="300ba"), product.submit(training_duration="5ba")
    product.reaches(first, lambda run: run["step"] > 0)
    assert product.run(second)["queue_position"] == 1
    product.completes(second)
    assert product.run(first)["status"] == "COMPLETED"


def test_the_registered_model_answers_through_mlflow(product: Product, finished: str) -> None:
    version = product.run(finished)["registered_model"]
    script = (
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); "
        "print(mlflow.pyfunc.load_model(sys.argv[2]).predict({'messages': [{'role': 'user', 'content': 'What is 2 and 2?'}]}))"
    )
    uri = f"http://127.0.0.1:{json.loads((product.folder / 'stack.json').read_text())['mlflow']}"
    done = subprocess.run([sys.executable, "-c", script, uri, version["uri"]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "assistant" in done.stdout
