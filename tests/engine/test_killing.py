"""Killed at an exact place: while evaluation rows are scored, or between two bins of a step. It ends as if nothing had been.

The places are reached by a hand in the process that is killed, so that nothing has to be timed.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runs.contract.events import Evaluation, Outcome, Resumed
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from tests.engine.folders import chats, instructions, lines, losses, make_run, texts, train

ROWS = {
    TaskType.CHAT_COMPLETION: chats(24),
    TaskType.INSTRUCTION_FINETUNE: instructions(24),
    TaskType.CONTINUED_PRETRAIN: texts(30),
}
CASES = [
    (TaskType.CHAT_COMPLETION, "full", "evaluation"),
    (TaskType.CHAT_COMPLETION, "full", "accumulation"),
    (TaskType.INSTRUCTION_FINETUNE, "lora", "accumulation"),
    (TaskType.INSTRUCTION_FINETUNE, "full", "evaluation"),
    (TaskType.CONTINUED_PRETRAIN, "lora", "evaluation"),
    (TaskType.CONTINUED_PRETRAIN, "full", "accumulation"),
    (TaskType.CHAT_COMPLETION, "qlora", "accumulation"),
]
KILLED = """
import os, signal, sys
from pathlib import Path
os.environ["OMP_NUM_THREADS"] = "1"
import peft, transformers
from runs.contract.folder import RunFolder
from runs.engine import evaluation, keeping, training
from runs.engine.__main__ import train
from runs.engine.wishes import Wishes

def dies(function, here):
    def dying(*args):
        if here(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)
    return dying

def second_bin(self, *_):
    seen.append(self.step)
    return seen.count(5) == 2  # the sixth step, whose gradients are half summed up

def told(function):
    def telling(training, *args):
        seen[:] = [training.step]
        return function(training, *args)
    return telling

def second_score(*_):
    seen.append("score")
    return seen == [6, "score", "score"]

keep = keeping.Keeper.keep
def keeping_at_once(self, *args, **options):
    keep(self, *args, **options)
    self.settle()

keeping.Keeper.keep = keeping_at_once  # so small a model takes more steps than the disk has time for
for line in sys.argv[1:]:
    folder, place = line.split("=")
    if not os.fork():
        seen = []
        if place == "evaluation":
            evaluation.score = dies(evaluation.score, second_score)
            evaluation.evaluate = told(evaluation.evaluate)
        else:
            training.Training._backward = dies(training.Training._backward, second_bin)
        train(RunFolder(Path(folder)), Wishes(RunFolder(Path(folder))))
        os._exit(0)
    _, status = os.wait()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (line, status)
"""


def run(path: Path, task: TaskType, method: str) -> RunFolder:
    """Several bins a step and an evaluation, three steps an interval, eight or fewer an epoch."""
    asked: dict[str, Any] = {"context_length": 64, "batch_size": 6, "training_duration": "8ba", "eval_interval": "3ba"}
    return make_run(
        path, ROWS[task], task=task, held_out=ROWS[task][:12], method=method, lora_rank=4, lora_dropout=0.2, **asked
    )


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[TaskType, str, str], RunFolder]:
    """All cases, each killed at its place: the libraries are imported once, before the first is forked."""
    place = tmp_path_factory.mktemp("killed")
    folders = {case: run(place / str(number), *case[:2]) for number, case in enumerate(CASES)}
    told = [f"{folder.path}={case[2]}" for case, folder in folders.items()]
    done = subprocess.run([sys.executable, "-c", KILLED, *told], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return folders


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0].value.split("_")[0].lower(), *case[1:]]))
def test_killed_at_an_exact_place_it_ends_the_same(
    killed: dict[tuple[TaskType, str, str], RunFolder], case: tuple[TaskType, str, str], tmp_path: Path
) -> None:
    folder, straight = killed[case], run(tmp_path / "straight", *case[:2])
    assert folder.read_exit() is None
    assert max(losses(folder)) == (6 if case[2] == "evaluation" else 5), "it was killed on its way"
    assert train(folder).outcome == train(straight).outcome == Outcome.COMPLETED
    assert [line.step for line in lines(folder) if isinstance(line, Resumed)] == [6 if case[2] == "evaluation" else 3]
    assert losses(folder) == losses(straight)
    scores = [{one.step: one.loss for one in lines(it) if isinstance(one, Evaluation)} for it in (folder, straight)]
    assert scores[0] == scores[1]
    assert (folder.model / "model.safetensors").read_bytes() == (straight.model / "model.safetensors").read_bytes()
