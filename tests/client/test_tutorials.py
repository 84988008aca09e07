"""Every piece of code that a tutorial shows is run as it is shown, on a live server; a stand-in of the engine ends the runs."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import close_old_connections
from django.test import Client

from finetuning_ui.env import PROJECT
from runs import wiring
from runs.models import BaseModel, ModelVersion, Run, RunStatus, User
from runs.services import access
from runs.web.tutorials import TUTORIALS, examples
from tests import scenes
from tests.app.conftest import ROWS
from tests.offer import tiny_offer

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = PROJECT / "templates" / "help" / "examples"
ENDED = {"first-run.py": 1, "first-run-shell.sh": 1, "entities.py": 1, "pretraining.py": 2}  # runs that a script waits for


def finish(run: Run) -> None:
    """What worker, engine and registry leave of a run that went well."""
    run.move_to(RunStatus.QUEUED)
    run.lease_token, run.lease_heartbeat = "token", run.queued_at
    run.move_to(RunStatus.STARTING)
    run.move_to(RunStatus.RUNNING)
    scenes.train_points(run, range(1, 5), of=4)
    scenes.evaluate(run, 4, 0.5)
    folder = wiring.run_folder(run.name)
    folder.create()
    shutil.copytree(run.base_model.folder, folder.model, dirs_exist_ok=True)
    ModelVersion.objects.create(run=run, name=run.register_to, version=1, uri=f"models:/{run.register_to}/1")
    run.move_to(RunStatus.COMPLETED)
    run.save()


@pytest.fixture
def worker() -> Iterator[None]:
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            for run in Run.objects.filter(status=RunStatus.PENDING).select_related("base_model"):
                finish(run)
        close_old_connections()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def model(owner: User) -> BaseModel:
    offered = tiny_offer("HuggingFaceTB/SmolLM2-135M-Instruct")
    access.accept_licence(licence=offered.licence, by=owner)
    return offered


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What a reader has at hand."""
    rows = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "helpdesk.jsonl").write_text(rows)
    volume = Path(settings.VOLUMES_ROOT) / "main" / "default" / "training"
    volume.mkdir(parents=True, exist_ok=True)
    (volume / "helpdesk.jsonl").write_text(rows)
    shutil.copy(PROJECT / "static" / "samples" / "sentences.jsonl", tmp_path)
    (tmp_path / "handbook.txt").write_text("The pump is primed before it is started. " * 400)
    questions = [{"prompt": f"What does valve {n} do?\n", "response": f"It closes line {n}."} for n in range(20)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    return tmp_path


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_what_a_tutorial_shows_works(name: str, server: str, token: str, model: BaseModel, worker: None, files: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shown = {"DATABRICKS_HOST": server, "DATABRICKS_TOKEN": token, "TABLES_ROOT": str(settings.TABLES_ROOT)}
    program = ["bash", "-e"] if name.endswith(".sh") else [sys.executable]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT), "PATH": path, **shown}
    made = subprocess.run([*program, str(FOLDER / name)], cwd=files, env=environ, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout
    assert Run.objects.count() == ENDED.get(name, 1)
    if name in ENDED:
        assert "COMPLETED" in made.stdout or "step 4" in made.stdout, made.stdout


def test_every_tutorial_is_a_page_and_every_example_is_in_one(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    pages = "".join(browser.get(f"/help/{slug}/").content.decode() for slug in TUTORIALS)
    assert browser.get("/help/no-such-page/").status_code == 404
    index = browser.get("/help/").content.decode()
    for slug in TUTORIALS:
        assert f"/help/{slug}/" in index
    for text in examples().values():
        assert text.splitlines()[-1].strip().split("(")[0] in pages
