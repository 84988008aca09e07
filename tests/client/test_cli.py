"""`ftui` as a shell meets it: what it prints, what programs read, and how it ends."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from finetuning_ui.client import connection
from finetuning_ui.client.cli import main
from runs.models import BaseModel, DataSet, Run, RunStatus, User
from tests import scenes
from tests.app.conftest import ROWS
from tests.offer import tiny_offer
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ftui(capsys: pytest.CaptureFixture[str]) -> Shell:
    """`ftui("list", "--json")` gives the exit code and what was written to either stream."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as left:
            code = int(left.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def order(server: str, asked: dict[str, Any], accepted: None) -> list[str]:
    return ["create", asked["model"], asked["train_data_path"], asked["register_to"]]


@pytest.fixture
def ended(owner: User, base_model: BaseModel, dataset: DataSet) -> Callable[[RunStatus], Run]:
    def make(status: RunStatus) -> Run:
        name = f"chat-{status.lower()}"
        run = scenes.make_run(name=name, owner=owner, base_model=base_model, dataset=dataset, status=status)
        run.events.create(type=status, time=timezone.now(), message="It is over.")
        return run

    return make


def test_login_keeps_what_works(web: Web, token: str, ftui: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(token + "\n"))
    code, out, _ = ftui("login", web.url + "/")
    assert (code, out.split()[0]) == (0, "owner")
    assert token not in out
    assert connection.credentials() == connection.Credentials(web.url, token)
    assert ftui("models")[0] == 0


def test_login_keeps_nothing_that_does_not(web: Web, home: Path, ftui: Shell) -> None:
    code, _, err = ftui("login", web.url, "--token", "ftui_wrong")
    assert (code, "not known here" in err) == (1, True)
    assert ftui("login", "http://127.0.0.1:9", "--token", "t")[0] == 3
    assert not (home / ".config").exists()


def test_a_run_from_file_to_cancel(order: list[str], ftui: Shell, tmp_path: Path) -> None:
    file = tmp_path / "more.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert ftui("upload", str(file), "--name", "more")[:2] == (0, "more: 20 rows\n")
    order[2] = "more"
    code, out, _ = ftui(*order, "--learning-rate", "5e-7", "--eval-prompt", "a b", "--eval-prompt", "c", "--seed", "7")
    name = out.strip()
    kept = Run.objects.get(name=name).asked
    assert (code, kept.learning_rate, kept.eval_prompts, kept.seed) == (0, 5e-7, ("a b", "c"), 7)
    assert name in ftui("list", "--status", "pending")[1]
    assert "more" in ftui("show", name)[1]
    assert ftui("cancel", name)[:2] == (0, f"name{' ' * (len(name) - 2)}status\n{name}  STOPPED\n")
    assert ftui("cancel", name)[0] == 1


def test_json_everywhere(order: list[str], ftui: Shell) -> None:
    name = json.loads(ftui(*order, "--json")[1])["name"]
    assert json.loads(ftui("models", "--json")[1])[0]["name"] == "test/tiny-chat"
    assert json.loads(ftui("show", name, "--json")[1])["name"] == name
    assert [run["name"] for run in json.loads(ftui("list", "--json")[1])] == [name]
    assert json.loads(ftui("cancel", name, "--json")[1])[0]["status"] == "STOPPED"
    assert json.loads(ftui("checkpoints", name, "--json")[1]) == []
    events = [json.loads(line)["type"] for line in ftui("follow", name, "--json")[1].splitlines()]
    assert (events[0], events[-1]) == ("CREATED", "CANCELED")


def test_a_file_is_checked_and_nothing_kept(server: str, ftui: Shell, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    bad.write_text('{"messages": []}\n')
    before = DataSet.objects.count()
    assert ftui("check", str(good))[0] == 0
    plan = ["--context-length", "28", "--training-duration", "9ep"]
    code, out, _ = ftui("check", str(good), "--model", tiny_offer().name, *plan)
    assert code == 0
    for said in (
        "in the longest row",
        "rows cut and 0 dropped at 28 tokens",
        "where the answer is",
        "Each row is seen 9 times",
    ):
        assert said in out
    code, out, _ = ftui("check", str(bad), "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert DataSet.objects.count() == before


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_the_shell_takes(ftui: Shell, shell: str) -> None:
    _, out, _ = ftui("completion", shell)
    assert "checkpoints" in out
    assert "CONTINUED_PRETRAIN" in out
    if shell == "bash":
        asked = f"{out}\nCOMP_WORDS=(ftui cr); COMP_CWORD=1; _ftui; echo ${{COMPREPLY[@]}}"
        asked += "; COMP_WORDS=(ftui create --task-type IN); COMP_CWORD=3; _ftui; echo ${COMPREPLY[@]}"
        made = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
        assert made.stdout.split() == ["create", "INSTRUCTION_FINETUNE"]


def test_refusals_are_json_too(order: list[str], ftui: Shell) -> None:
    code, out, err = ftui(*order, "--training-duration", "banana", "--json")
    assert (code, out) == (1, "")
    assert json.loads(err)["problems"][0]["field"] == "training_duration"
    assert not Run.objects.exists()


@pytest.mark.parametrize(("status", "code"), [(RunStatus.COMPLETED, 0), (RunStatus.FAILED, 4), (RunStatus.STOPPED, 4)])
def test_following_ends_as_the_run_does(
    server: str, ended: Callable[[RunStatus], Run], ftui: Shell, status: RunStatus, code: int
) -> None:
    left, out, _ = ftui("follow", ended(status).name)
    assert (left, "It is over." in out) == (code, True)


def test_checkpoints_are_those_that_are_there(server: str, ended: Callable[[RunStatus], Run], ftui: Shell) -> None:
    run = ended(RunStatus.COMPLETED)
    scenes.evaluate(run, 4, 0.5)
    assert f"{run.name}/{run.checkpoints.get().name}" in ftui("checkpoints", run.name)[1]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["show", "no-such-run"], 1),
        (["upload", "no-such-file.jsonl"], 2),
        (["list", "--before", "yesterday"], 2),
        (["list", "--limit", "0"], 2),
        (["list", "--status", "done"], 2),
        (["dance"], 2),
        ([], 2),
    ],
)
def test_what_went_wrong_is_in_the_exit_code_and_on_standard_error(
    server: str, ftui: Shell, line: list[str], code: int
) -> None:
    left, out, err = ftui(*line)
    assert (left, out) == (code, "")
    assert err
    assert "Traceback" not in err


def test_nobody_is_there(ftui: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ftui("list")[0] == 2  # nobody said where
    monkeypatch.setenv("FTUI_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("FTUI_TOKEN", "t")
    code, _, err = ftui("list")
    assert (code, "does not answer" in err) == (3, True)


def test_it_runs_as_a_process_that_loads_neither_django_nor_pydantic(server: str) -> None:
    loaded = "{'django', 'pydantic', 'runs'} & {*sys.modules}"
    code = f"import sys; from finetuning_ui.client.cli import main; main(['models']); print({loaded})"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=True)
    assert made.stdout.splitlines()[-1] == "set()"
