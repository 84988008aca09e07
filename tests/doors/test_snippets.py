"""What the wizard shows as code, copied from its last page and run as it is, each by the package that it is for."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetuning_ui.env import PROJECT
from runs.models import Draft, Run, User
from tests.doors.packages import Driver
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
ODD: dict[str, Any] = {
    "eval_prompts": [
        'It\'s “odd”: "$HOME" `id` !!',
        "two\nlines\\n and a tab\t",
        "--learning-rate=7",
        "ümläut 你好 {{ x }} %s <b>&amp;",
    ],
    "experiment_path": '/Users/o\'brien/a "b" $PATH {}',
    "learning_rate": 0.00005,
    "training_duration": "2ep",
    "context_length": 512,
}
OURS: dict[str, Any] = {"batch_size": 4, "seed": 5, "gradient_checkpointing": True, "warmup_share": 0.1}
LORA: dict[str, Any] = {"method": "lora", "lora_targets": "q_proj, v_proj", "lora_rank": 4}
THEIRS: dict[str, Any] = {"training_duration": "2ep", "batch_size": 4, "seed": 5}  # what OpenAI's client can say


@pytest.fixture
def shown(web: Web, owner: User, asked: dict[str, Any], accepted: None) -> Any:
    """`shown(values)` drafts a run and gives the code on its review page by title, and what was drafted."""

    def look(values: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        wanted = {**asked, "task_type": "CHAT_COMPLETION", **values}
        draft = Draft.objects.create(owner=owner, values=wanted)
        with web.client(owner) as browser:
            page = browser.get(f"/runs/new/{draft.key}/review/").text
        found = re.findall(r"<summary>([^<]+)</summary>\s*<div class=\"code\">\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
        return {title: html.unescape(text) for title, text in found}, wanted

    return look


def run(language: str, text: str, folder: Path, token: str) -> str:
    """The last line that it prints."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"HOME": str(folder), "FTUI_TOKEN": token, "PYTHONPATH": str(PROJECT), "PATH": path}
    command = ["bash", "-c", text] if language == "shell" else [sys.executable, "-c", text]
    made = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout.strip().splitlines()[-1]


def compared(name_in: str, wanted: dict[str, Any]) -> None:
    """The one run that there is was asked for with all of this."""
    made = Run.objects.latest("pk")
    assert made.name in name_in
    asked = made.asked.model_dump(mode="json")
    assert {name: asked[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("title", "language", "values"),
    [
        ("Python", "python", ODD | OURS),
        ("ftui", "shell", ODD | OURS | LORA),
        ("curl", "shell", ODD | OURS),
        ("OpenAI client", "python", THEIRS),
    ],
)
def test_what_is_shown_makes_the_run(
    shown: Any, token: str, tmp_path: Path, title: str, language: str, values: dict[str, Any]
) -> None:
    code, wanted = shown(values)
    compared(run(language, code[title], tmp_path, token), wanted)
    assert Run.objects.count() == 1


def test_the_original_clients_script_makes_the_run(shown: Any, databricks: Driver) -> None:
    """With what it knows, and a word on what it does not."""
    code, wanted = shown(ODD | OURS)
    text = code["Databricks client"]
    (unknown,) = re.findall(r"cannot set: (.*)\. Their", text)
    assert {*unknown.split(", ")} == {*OURS}
    told = databricks.run(text)
    assert not told.error, told.trace
    compared(told.said, {name: value for name, value in wanted.items() if name not in OURS})


def test_every_panel_is_there_and_each_is_for_what_its_client_can_say(shown: Any) -> None:
    assert [*shown(ODD)[0]] == ["Python", "ftui", "curl", "OpenAI client", "Databricks client"]
