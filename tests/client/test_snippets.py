"""What the wizard shows as code is run as it is shown: each makes the run that was drafted."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetuning_ui.env import PROJECT
from runs.models import Run
from runs.web import snippets

pytestmark = pytest.mark.django_db(transaction=True)
EXTRA: dict[str, Any] = {"training_duration": "2ep", "batch_size": 4, "seed": 5, "task_type": "CHAT_COMPLETION"}
OURS: dict[str, Any] = {
    "learning_rate": 0.0005,
    "eval_prompts": ["It's “odd” $HOME", "two\nlines"],
    "gradient_checkpointing": True,
}


def run(language: str, text: str, folder: Path, token: str) -> str:
    """The last line that it prints."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "FTUI_TOKEN": token, "PYTHONPATH": str(PROJECT), "PATH": path}
    command = ["bash", "-c", text] if language == "shell" else [sys.executable, "-c", text]
    made = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("language", "write", "extra"),
    [
        ("python", snippets.python, EXTRA | OURS),
        ("shell", snippets.ftui, EXTRA | OURS),
        ("shell", snippets.curl, EXTRA | OURS),
        ("python", snippets.openai, EXTRA),
    ],
    ids=["SDK", "ftui", "curl", "OpenAI"],
)
def test_what_is_shown_makes_the_run(
    server: str,
    token: str,
    asked: dict[str, Any],
    accepted: None,
    tmp_path: Path,
    language: str,
    write: Any,
    extra: dict[str, Any],
) -> None:
    wanted = {**asked, **extra}
    said = run(language, write(server, wanted), tmp_path, token)
    made = Run.objects.get()
    assert made.name in said
    shown = made.asked.model_dump(mode="json")
    assert {name: shown[name] for name in wanted} == wanted
