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
from runs.engine import models
from runs.engine.duration import Timetable
from runs.engine.examples import tokenize
from runs.engine.failure import Leave
from runs.engine.methods import METHODS
from runs.engine.training import Training
from runs.engine.wishes import Wishes
from tests.engine.folders import chats, make_run


@pytest.fixture
def training(tmp_path: Path) -> Training:
    folder = make_run(tmp_path, chats(8))
    spec = folder.read_spec()
    model = models.load(spec.base_model, spec.base_model.path, torch.device("cpu"))
    examples = tokenize(spec.train, Renderer.load(spec.base_model.path), spec.task_type, 256, lambda _: None)
    parameters = METHODS["full"].parameters(model)
    return Training(spec, model, parameters, examples, timetable(spec, examples.lengths), torch.device("cpu"), Wishes(folder))


def timetable(spec: RunSpec, lengths: object) -> Timetable:
    settings = spec.hyperparameters
    durations = Duration.parse(settings.training_duration), Duration.parse(settings.eval_interval)
    return Timetable(lengths, settings.batch_size, settings.seed, *durations)  # type: ignore[arg-type]


def interrupt(training: Training) -> None:
    training.wishes.interrupted = True


@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_sigterm_in_mid_step_leaves_at_the_next_layer_and_moves_no_weight(training: Training, direction: str) -> None:
    training.advance()
    before = {name: param.detach().clone() for name, param in training.parameters.items()}
    states = {
        name: value.clone() for param in training.parameters.values() for name, value in training.optimizer.state[param].items()
    }
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
    after = {name: value for param in training.parameters.values() for name, value in training.optimizer.state[param].items()}
    assert all(torch.equal(after[name], states[name]) for name in states)


def test_a_persons_stop_waits_for_the_end_of_the_step(training: Training, tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    training.advance()
    assert training.step == 1
    with pytest.raises(Leave):
        training.wishes.check()


def test_bins_change_nothing_but_memory(training: Training, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The loss is weighted by tokens over the whole step, however its rows are cut into bins."""
    whole = training.advance()
    monkeypatch.setattr("runs.engine.training.CPU_BIN_TOKENS", 1)  # each row a bin of its own
    alone = training.model
    fresh = models.load(training.spec.base_model, training.spec.base_model.path, torch.device("cpu"))
    assert alone is not fresh
    again = Training(
        training.spec,
        fresh,
        METHODS["full"].parameters(fresh),
        training.examples,
        training.timetable,
        training.device,
        training.wishes,
    ).advance()
    assert again.loss == pytest.approx(whole.loss, abs=1e-6)
    assert again.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-5)


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
