"""Finished models in a real MLflow server: registered once whatever is killed, answering as they were trained to."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from runs.contract.events import Evaluation, Sample, Step
from runs.contract.folder import RunFolder
from runs.contract.inputs import DataFile, ModelSource
from runs.contract.provenance import Provenance
from runs.contract.spec import Hyperparameters, RunSpec, TaskType
from runs.registry.mlflow import MlflowRegistry
from runs.registry.protocol import (
    LicenceNotice,
    Publication,
    PublishedVersion,
    PublishFailed,
    RegistryRefused,
)
from tests.tiny import MAX_CONTEXT, write_tiny_model

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LICENCE = LicenceNotice(
    key="open",
    name="Open licence 1.0",
    url="https://example.org/licence",
    notice="Made with Tiny.",
    obligations=("Say “Made with Tiny”.",),
    name_prefix="Tiny",
)
ASKS = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
print(json.dumps(model.predict(json.loads(sys.argv[3]))))
"""


def finished(place: Path, run_name: str, task: TaskType = TaskType.CHAT_COMPLETION) -> RunFolder:
    """A run folder as the engine leaves it."""
    folder = RunFolder(place / run_name)
    folder.create()
    write_tiny_model(folder.model)
    base = place / f"base-{run_name}"
    base.mkdir()
    (base / "LICENSE").write_text("The whole text of the licence.")
    folder.write_spec(
        RunSpec(
            name=run_name,
            task_type=task,
            base_model=ModelSource(name="tiny/Tiny-Instruct", path=base, max_context_length=MAX_CONTEXT, licence="open"),
            train=DataFile(path=place / "rows.jsonl", digest="sha256:" + "ab" * 32, rows=12, name="sums"),
            hyperparameters=Hyperparameters(learning_rate=1e-3, context_length=128),
            provenance=Provenance(base_model={"model.safetensors": "sha256:12"}, versions={"torch": "2.0+cpu"}, processor="Z4"),
        )
    )
    score = {"epoch": 0.0, "tokens": 0, "time": NOW}
    lines = [
        Evaluation(step=0, loss=5.5, perplexity=244.7, token_accuracy=0.01, **score),
        Step(step=1, loss=5.0, learning_rate=1e-3, gradient_norm=1, tokens_per_second=9, epoch=0.5, tokens=50, time=NOW),
        Step(step=2, loss=4.25, learning_rate=0, gradient_norm=1, tokens_per_second=9, epoch=1, tokens=100, time=NOW),
        Evaluation(step=2, loss=4.5, perplexity=90.0, token_accuracy=0.25, **score),
        Sample(step=2, index=0, prompt="What is 1 + 1?", answer="2", time=NOW),
    ]
    folder.events.write_text("".join(line.model_dump_json() + "\n" for line in lines))
    return folder


def publication(registry: MlflowRegistry, folder: RunFolder, *, model: str = "") -> Publication:
    name = folder.path.name
    experiment, run = registry.start_run(experiment_path=f"/Users/owner/{name}", run_name=name, params={}, tags={})
    return Publication(
        name=f"main.default.{model or name}",
        run_name=name,
        run_folder=folder.path,
        mlflow_experiment_id=experiment,
        mlflow_run_id=run,
        licence=LICENCE,
    )


def answer(uri: str, version: PublishedVersion, question: dict[str, object]) -> dict[str, object]:
    """What somebody else's Python gets from the model, knowing nothing but the server and the model's name."""
    done = subprocess.run(
        [sys.executable, "-c", ASKS, uri, version.model_uri, json.dumps(question)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first: dict[str, object] = json.loads(done.stdout.splitlines()[-1])[0]
    return first


def test_a_chat_model_answers_and_says_where_it_comes_from(registry: MlflowRegistry, run_name: str, place: Path) -> None:
    order = publication(registry, finished(place, run_name))
    version = registry.publish(order)
    assert version == PublishedVersion(
        name=order.name, version=1, model_uri=f"models:/{order.name}/1", run_id=order.mlflow_run_id
    )
    reply = answer(registry.uri, version, {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5})
    assert reply["object"] == "chat.completion"
    weights = (order.run_folder / "model" / "model.safetensors").stat().st_size
    assert weights < registry.size(version.name, version.version) < weights + 5_000_000, "weights, tokenizer and papers"
    with pytest.raises(RegistryRefused):
        registry.size(version.name, 99)
    assert reply["choices"][0]["message"]["role"] == "assistant"
    assert reply["usage"]["completion_tokens"] <= 5

    tags = registry.client.get_model_version(order.name, "1").tags
    assert tags["finetuning.run"] == run_name
    assert tags["base_model"] == "tiny/Tiny-Instruct"
    assert tags["licence"] == "Open licence 1.0"
    assert tags["data_digest"] == "sha256:" + "ab" * 32
    assert tags["torch"].count("+") == 0
    kept = downloaded(registry, version, place)
    assert (kept / "LICENSE.txt").read_text() == "The whole text of the licence."
    assert "Say “Made with Tiny”." in (kept / "NOTICE.txt").read_text()
    card = (kept / "README.md").read_text()
    for words in ("base_model: tiny/Tiny-Instruct", "last training loss 4.2500", "| 0 (base model) | 5.5000", "What is 1 + 1?"):
        assert words in card
    assert "Made by torch 2.0+cpu, on Z4, from the base model's files\n\n- model.safetensors `sha256:12`" in card
    assert "wants the name to begin with “Tiny”" in card
    assert not [path for path in kept.rglob("*") if path.suffix in ("", ".md", ".json", ".txt", ".yaml") and says(path, place)]
    assert json.loads((kept / "serving_input_example.json").read_text())["max_tokens"] < 20, "MLflow has the model answer it"
    assert json.loads((kept / "run.json").read_text())["hyperparameters"]["learning_rate"] == 1e-3


def downloaded(registry: MlflowRegistry, version: PublishedVersion, place: Path) -> Path:
    import mlflow

    mlflow.set_tracking_uri(registry.uri)
    kept = place / "kept"
    kept.mkdir()
    return Path(mlflow.artifacts.download_artifacts(version.model_uri, dst_path=str(kept)))


def says(path: Path, place: Path) -> bool:
    """Whether a file that leaves the house tells where the server keeps its runs."""
    return path.is_file() and str(place) in path.read_text(errors="replace")


def test_an_instruction_model_completes_prompts_as_it_was_trained_to(
    registry: MlflowRegistry, run_name: str, place: Path
) -> None:
    order = publication(registry, finished(place, run_name, TaskType.INSTRUCTION_FINETUNE))
    reply = answer(registry.uri, registry.publish(order), {"prompt": "Answer: ", "max_tokens": 4})
    assert reply["object"] == "text_completion"
    assert reply["usage"]["completion_tokens"] <= 4


def test_publishing_twice_makes_one_version_even_at_the_same_time(registry: MlflowRegistry, run_name: str, place: Path) -> None:
    order = publication(registry, finished(place, run_name))
    made: list[PublishedVersion] = []
    threads = [Thread(target=lambda: made.append(registry.publish(order))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.append(registry.publish(order))
    assert [version.version for version in made] == [1, 1, 1]
    assert len(registry.client.search_model_versions(f"name = '{order.name}'")) == 1


def test_a_second_run_under_the_same_name_is_the_next_version(registry: MlflowRegistry, run_name: str, place: Path) -> None:
    first = registry.publish(publication(registry, finished(place, f"{run_name}-a"), model=run_name))
    second = registry.publish(publication(registry, finished(place, f"{run_name}-b"), model=run_name))
    assert (first.version, second.version) == (1, 2)
    assert registry.find_version(first.name, f"{run_name}-a") == first
    assert registry.find_version(first.name, "nobody") is None


def test_killed_between_logging_and_registering_the_next_try_uses_what_is_there(
    registry: MlflowRegistry, run_name: str, place: Path
) -> None:
    """It is killed as soon as the weights are logged; papers and the tokenizer's check come before a version."""
    order = publication(registry, finished(place, run_name))
    child = start_child(registry.uri, order, place)

    def logged() -> list[str]:
        found = registry.client.search_logged_models([order.mlflow_experiment_id], f"tags.`finetuning.run` = '{run_name}'")
        return [model.model_id for model in found if model.status == "READY"]

    deadline = time.monotonic() + 120
    while not logged():
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert registry.find_version(order.name, run_name) is None, "it was too fast for this test"

    version = registry.publish(order)

    assert version.version == 1
    assert len(logged()) == 1
    assert len(registry.client.search_model_versions(f"name = '{order.name}'")) == 1


def start_child(uri: str, order: Publication, place: Path) -> subprocess.Popen[bytes]:
    request = place / "request.json"
    request.write_text(json.dumps({"tracking_uri": uri, "publication": order.model_dump(mode="json")}))
    return subprocess.Popen([sys.executable, "-m", "runs.registry.package", str(request), str(place / "result.json")])


def test_a_tokenizer_that_disagrees_with_training_is_never_registered(
    registry: MlflowRegistry, run_name: str, place: Path
) -> None:
    """A template in tokenizer_config.json is hidden by the file beside it for us; the other way round for others."""
    folder = finished(place, run_name)
    order = publication(registry, folder)
    registry.publish(order)
    path = folder.model / "chat_template.jinja"
    path.write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    registry.client.delete_model_version(order.name, "1")  # the logged model stays, with the old template
    with pytest.raises(PublishFailed, match="differently from how it was trained: from token 0 on"):
        registry.publish(order)
    assert registry.find_version(order.name, run_name) is None


def test_a_folder_without_a_model_is_an_error_in_words(registry: MlflowRegistry, run_name: str, place: Path) -> None:
    folder = finished(place, run_name)
    (folder.model / "model.safetensors").unlink()
    with pytest.raises(PublishFailed, match="The finished model cannot be read"):
        registry.publish(publication(registry, folder))
    assert (folder.path / "publish.txt").exists()
