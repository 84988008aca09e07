"""One step at a time: what an interruption leaves untouched, and what starting the engine costs."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runs.contract.duration import Duration
from runs.contract.events import Outcome
from runs.contract.spec import RunSpec
from runs.data.rendering import Renderer
from runs.engine import models, optimizer
from runs.engine.duration import Timetable
from runs.engine.examples import tokenize
from runs.engine.failure import Leave
from runs.engine.methods import METHODS
from runs.engine.training import Training
from runs.engine.wishes import Wishes
from tests.engine.folders import chats, make_run

CPU = torch.device("cpu")


@pytest.fixture
def training(tmp_path: Path) -> Training:
    folder = make_run(tmp_path, chats(8))
    return set_up(folder.read_spec(), Wishes(folder))


def set_up(spec: RunSpec, wishes: Wishes) -> Training:
    model, settings = models.load(spec.base_model, spec.base_model.path, CPU), spec.hyperparameters
    examples = tokenize(spec.train, Renderer.load(spec.base_model.path), spec.task_type, 256, lambda _: None)
    durations = Duration.parse(settings.training_duration), Duration.parse(settings.eval_interval)
    timetable = Timetable(examples.lengths, settings.batch_size, settings.seed, *durations)
    return Training(spec, model, METHODS["full"].parameters(model), examples, timetable, CPU, wishes)


def interrupt(training: Training) -> None:
    training.wishes.interrupted = True


@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_sigterm_in_mid_step_leaves_at_the_next_layer_and_moves_no_weight(training: Training, direction: str) -> None:
    training.advance()
    before = {name: param.detach().clone() for name, param in training.parameters.items()}
    memory = {name: value.clone() for name, value in optimizer.state(training.optimizer, training.parameters).items()}
    first, last = training.model.model.layers[0], training.model.model.layers[-1]
    reached: list[str] = []
    if direction == "forwards":
        first.register_forward_pre_hook(lambda *_: interrupt(training))
        last.register_forward_pre_hook(lambda *_: reached.append("last layer"))
    else:
        last.register_full_backward_hook(lambda *_: interrupt(training))
        training.model.model.embed_tokens.weight.register_hook(lambda _: reached.append("embedding"))
    with pytest.raises(Leave) as left:
        training.advance()
    assert left.value.outcome == Outcome.INTERRUPTED
    assert reached == []
    assert training.step == 1
    assert all(torch.equal(param, before[name]) for name, param in training.parameters.items())
    after = optimizer.state(training.optimizer, training.parameters)
    assert all(torch.equal(after[name], memory[name]) for name in memory)


def test_a_persons_stop_waits_for_the_end_of_the_step(training: Training, tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    training.advance()
    assert training.step == 1
    with pytest.raises(Leave):
        training.wishes.check()


def test_bins_change_nothing_but_memory(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is weighted by tokens over the whole step, however its rows are cut into bins."""
    whole = training.advance()
    monkeypatch.setattr("runs.data.packing.CPU_BIN_TOKENS", 1)  # each row a bin of its own
    alone = set_up(training.spec, training.wishes).advance()
    assert alone.loss == pytest.approx(whole.loss, abs=1e-6)
    assert alone.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-5)


def test_starting_imports_nothing_that_training_does_not_use() -> None:
    code = (
        "import sys, runs.engine.__main__ as main\n"
        "assert 'torch' not in sys.modules, 'a bad spec should be refused in milliseconds'\n"
        "with main.lean_imports():\n    import runs.engine.pipeline\n"
        "print(sorted({'scipy', 'sklearn', 'pandas', 'accelerate', 'mlflow', 'django'} & sys.modules.keys()))\n"
        "import scipy  # hidden for a moment only\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
