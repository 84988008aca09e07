"""`manage.py up` with real processes: it comes up, survives the death of each part, and leaves nothing behind.

Most tests begin with one stack that runs, the same for all: making a database takes longer than anything they do with it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from finetuning_ui.env import PROJECT
from tests.stack import Stack, wait_for

SERVED = ("postgres", "valkey", "web", "worker", "beat")


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="finetuning-ui-stack-") as parent:
        yield Path(parent, "data")


@pytest.fixture(scope="module")
def standing() -> Iterator[Stack]:
    with TemporaryDirectory(prefix="finetuning-ui-stack-") as parent:
        stack = Stack(Path(parent, "data")).starts()
        yield stack
        stack.end()


@pytest.fixture
def stack(standing: Stack) -> Stack:
    """A stack that serves. What a test has ended, or killed, is started again on its data."""
    if standing.process.poll() is not None:
        standing.starts()
    return standing


def test_it_comes_up_prints_one_password_stops_with_nothing_left_behind_and_comes_up_again(stack: Stack) -> None:
    stack.says(f"Finetuning UI is at http://127.0.0.1:{stack.port}/")
    stack.says("beat | started")
    assert stack.is_ready()
    family = stack.processes()
    assert len(family) > len(SERVED)

    assert stack.end() == 0

    assert [process for process in family if process.is_running()] == []
    assert list((stack.folder / "processes").iterdir()) == []
    secret = stack.said.split("password: ")[1].split()[0]
    kept = [path for path in (stack.folder / "logs").iterdir() if secret in path.read_text()]
    assert kept == [], "the password is for the terminal alone"

    assert stack.starts().is_ready()
    assert stack.said.count("first account") == stack.said.count("password:") == 1, "a restart keeps the data"


def test_each_part_that_is_killed_is_started_again_and_takes_no_other_with_it(stack: Stack) -> None:
    stack.says("beat | started")
    for victim in SERVED:
        first = {name: stack.pid(name) for name in SERVED}
        os.kill(first[victim], signal.SIGKILL)
        stack.says(f"{victim} | killed by SIGKILL; starting it again in 0.2 s")
        wait_for(lambda name=victim, pid=first[victim]: stack.pid(name) != pid and stack.is_ready(), 60, lambda: stack.said)  # type: ignore[misc]
        assert {name for name in SERVED if stack.pid(name) != first[name]} == {victim}, stack.said


def test_after_a_kill_of_the_supervisor_itself_the_next_one_takes_over(stack: Stack) -> None:
    family = stack.processes()
    stack.process.kill()
    stack.process.wait()
    assert stack.starts().is_ready()
    assert [process for process in family if process.is_running()] == []


def test_a_second_stack_on_the_same_folder_refuses_in_words(stack: Stack) -> None:
    second = Stack(stack.folder)
    second.output = stack.output.with_suffix(".second")
    assert second.start().process.wait(30) == 1
    assert f"already running on {stack.folder} (process {stack.process.pid})" in second.said
    assert "Traceback" not in second.said
    assert stack.is_ready()


def test_a_port_that_another_program_has_is_named_with_a_way_out(folder: Path) -> None:
    stack = Stack(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.port))
        taken.listen()
        assert stack.start().process.wait(30) == 1
    assert f"Port {stack.port} on 127.0.0.1 is taken by another program." in stack.said
    assert f"PORT={stack.port + 1}" in stack.said
    assert "Traceback" not in stack.said


def test_a_port_of_the_embedded_database_that_was_taken_meanwhile_is_chosen_again(stack: Stack) -> None:
    stack.end()
    before = json.loads((stack.folder / "stack.json").read_text())
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections to the old server may linger
        taken.bind(("127.0.0.1", before["postgres"]))
        taken.listen()
        assert stack.starts().is_ready()
    after = json.loads((stack.folder / "stack.json").read_text())
    assert after["postgres"] != before["postgres"]
    assert after["password"] == before["password"]


def test_a_database_that_does_not_answer_is_an_error_in_words(folder: Path) -> None:
    stack = Stack(folder, DATABASE_URL="postgresql://somebody:secret-word@127.0.0.1:9/finetuning")
    assert stack.start().process.wait(60) == 1
    assert "The database (DATABASE_URL) cannot be used" in stack.said
    assert "refused" in stack.said
    assert "secret-word" not in stack.said
    assert "Traceback" not in stack.said


BORROW = """
import os, django
django.setup()
from finetuning_ui.stack.background import running_stack
with running_stack(print):
    print("at work", flush=True)
    import httpx
    print("served", httpx.get(f"http://127.0.0.1:{os.environ['PORT']}/healthz").text)
    print("beside", httpx.get(f"http://127.0.0.1:{os.environ['BESIDE']}/healthz").text)
"""


def borrow(stack: Stack, beside: Stack) -> str:
    command = [sys.executable, "-c", BORROW]
    environ = os.environ | stack.environ | {"BESIDE": str(beside.port)}
    made = subprocess.run(command, env=environ, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


def test_a_command_that_needs_a_stack_starts_one_beside_another_and_ends_it(stack: Stack, folder: Path) -> None:
    """Two stacks run side by side, each on a folder and a port of its own."""
    own = Stack(folder)
    said = borrow(own, beside=stack)
    assert said.count("password:") == 1
    assert "served ok" in said
    assert "beside ok" in said
    assert not own.is_ready()
    assert stack.is_ready()
    assert list((folder / "processes").iterdir()) == []
    assert "password" not in (folder / "logs" / "up.log").read_text()


def test_a_command_that_needs_a_stack_uses_the_one_that_runs_and_leaves_it_running(stack: Stack) -> None:
    said = borrow(stack, beside=stack)
    assert said.startswith(f"Using the stack that is running at http://127.0.0.1:{stack.port}/")
    assert "served ok" in said
    assert stack.is_ready()


def test_a_stack_whose_terminal_is_gone_still_stops_in_order(stack: Stack) -> None:
    """Or engines would go on training with nobody to follow them."""
    stack.end()
    command = [sys.executable, str(PROJECT / "manage.py"), "up"]
    stack.process = subprocess.Popen(command, env=os.environ | stack.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_for(stack.is_ready, 120)
    assert stack.process.stdout is not None
    stack.process.stdout.close()
    stack.end()
    assert list((stack.folder / "processes").iterdir()) == []


def test_mlflow_comes_up_on_its_own_database_and_dies_with_all_its_children(stack: Stack) -> None:
    stack.end()
    whole = Stack(stack.folder, MLFLOW_TRACKING_URI="").start()
    try:
        whole.says("mlflow | ready", seconds=120)
        address = f"http://127.0.0.1:{json.loads((whole.folder / 'stack.json').read_text())['mlflow']}"
        found = httpx.post(f"{address}/api/2.0/mlflow/experiments/search", json={"max_results": 10}, timeout=30)
        assert [experiment["name"] for experiment in found.json()["experiments"]] == ["Default"]
        family = whole.processes()
    finally:
        whole.end()
    assert [process for process in family if process.is_running()] == []
