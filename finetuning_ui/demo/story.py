"""The demo from top to bottom: a model, data, a run, its scores, its place in the registry."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finetuning_ui.client import Client
from finetuning_ui.demo.screen import Screen
from runs.data.rows import read_rows
from runs.data.samples import HELPDESK
from runs.data.scoring import Score, score_json

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
REGISTER_TO = "main.default.helpdesk"
SHOWN = 3  # held-out rows that are printed in full
POLL_SECONDS = 0.5
ANSWER_TOKENS = 48  # twice what a record needs; the base model would go on and on


class DemoFailed(Exception):
    """The run did not complete; the text says why."""


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model never trains on: prompts as chats, and the answers that a person would give."""

    prompts: list[list[dict[str, str]]]
    expected: list[str]

    @classmethod
    def read(cls, path: Path) -> "HeldOut":
        rows = [row["messages"] for row in read_rows(path)]
        return cls([messages[:-1] for messages in rows], [messages[-1]["content"] for messages in rows])


def tell(client: Client, *, model_folder: Path, runs_folder: Path, screen: Screen) -> dict[str, Any]:
    """Run the demo against a server; return the finished run. Raises DemoFailed, ApiError or ConnectionFailed."""
    held_out = HeldOut.read(HELPDESK / "heldout.jsonl")
    screen.title("1. Data and licence")
    train = client.upload(HELPDESK / "train.jsonl", name="helpdesk")
    evaluation = client.upload(HELPDESK / "heldout.jsonl", name="helpdesk-heldout")
    screen.say(f"{train['name']}: {train['rows']} rows, {evaluation['name']}: {evaluation['rows']} rows")
    base = next(model for model in client.base_models() if model["name"] == MODEL)
    client.accept_licence(base["licence"]["key"])
    screen.say(f"{MODEL} comes under the {base['licence']['name']}; accepted for this demo.")

    screen.title("2. Training")
    run = client.create(
        model=MODEL,
        train_data_path=train["name"],
        eval_data_path=evaluation["name"],
        eval_prompts=[prompt[-1]["content"] for prompt in held_out.prompts[:2]],
        register_to=REGISTER_TO,
        training_duration="2ep",
    )
    screen.say(f"Run {run['name']}: {client.host}/runs/{run['name']}/")
    run = watch(client, run["name"], screen)

    screen.title("3. Before and after")
    compare(held_out, base=model_folder, tuned=runs_folder / run["name"] / "model", screen=screen)
    return run


def watch(client: Client, name: str, screen: Screen) -> dict[str, Any]:
    """Draw the run's progress until it has ended; raise DemoFailed unless it completed."""
    with screen.bar() as bar:
        while True:
            run = client.run(name)
            bar.show(run)
            if run["status"] in ("COMPLETED", "FAILED", "STOPPED"):
                break
            time.sleep(POLL_SECONDS)
    if run["status"] != "COMPLETED":
        raise DemoFailed(f"{name} is {run['status'].lower()}: {run['details']} {run.get('advice', '')}")
    return run


def compare(held_out: HeldOut, *, base: Path, tuned: Path, screen: Screen) -> tuple[Score, Score]:
    """Score both models on the held-out rows and print a few answers side by side."""
    before, after = (answers(folder, held_out.prompts) for folder in (base, tuned))
    asked = [prompt[-1]["content"] for prompt in held_out.prompts]
    screen.answers(list(zip(asked, held_out.expected, before, after, strict=True))[:SHOWN])
    scores = score_json(before, held_out.expected), score_json(after, held_out.expected)
    screen.scores(len(held_out.expected), *scores)
    return scores


def answers(model: Path, chats: Sequence[list[dict[str, str]]]) -> list[str]:
    """The model's greedy answers, from a process of its own: this one never imports torch."""
    with TemporaryDirectory() as folder:
        asked, given = Path(folder, "chats.json"), Path(folder, "answers.json")
        asked.write_text(json.dumps(list(chats)), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "runs.engine.answer",
            str(model),
            str(asked),
            str(given),
            "--tokens",
            str(ANSWER_TOKENS),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoFailed(f"{model.name} did not answer:\n{done.stderr[-2000:]}")
        result: list[str] = json.loads(given.read_text(encoding="utf-8"))
        return result
