"""What a run would need, asked before there is one: calculated at once, or measured by real steps that the caller waits for."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from finetuning_ui.client import NotMeasured, watching
from finetuning_ui.client import foundation_model as fm
from finetuning_ui.client.cli import main
from finetuning_ui.client.models import Estimate
from finetuning_ui.client.needs import needs
from runs.contract.events import Fault, Outcome
from runs.contract.probe import Cost, Probe
from runs.models import BaseModel, DataSet, Probing, Run, User
from runs.services import access, leases, probing
from tests.app.conftest import launcher as launcher
from tests.fakes import FakeEngine, FakeLauncher
from tests.offer import tiny_offer

pytestmark = pytest.mark.django_db(transaction=True)
ONE = Cost(clock=1.0, cpu=2.0)
FOUND = Probe(
    steps=3, tokens_at_once=512, begin=ONE * 5, row=ONE * 0.001, step=ONE * 0.1, token=ONE * 0.01, evaluation=ONE,
    checkpoint=ONE, finish=ONE, memory_bytes=700_000_000, spread=0.02, busy=1.0,
)  # fmt: skip
Work = Callable[[Callable[[], Any], Callable[[FakeEngine], None]], Any]


@pytest.fixture
def plan(server: str, owner: User, dataset: DataSet) -> list[str]:
    model: BaseModel = tiny_offer()
    access.accept_licence(licence=model.licence, by=owner)
    return [model.name, dataset.name]


@pytest.fixture
def while_waiting(launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Do what a worker does, with an engine that ends as the test says, while somebody waits for the answer."""
    monkeypatch.setattr(leases, "SPELL", 0)
    monkeypatch.setattr(watching.measured, "__kwdefaults__", {"poll": 0.05})

    def work(ask: Callable[[], Any], end: Callable[[FakeEngine], None]) -> Any:
        with ThreadPoolExecutor(1) as other:
            answer = other.submit(ask)
            until = time.monotonic() + 30
            while (made := Probing.objects.first()) is None:
                assert time.monotonic() < until, answer
                time.sleep(0.02)
            token = probing.work(made.pk, "")
            end(launcher.engines[str(made.pk)])
            probing.work(made.pk, token)
            return answer.result(30)

    return work


def is_measured(engine: FakeEngine) -> None:
    engine.folder.write_probe(FOUND)
    engine.ends(Outcome.COMPLETED)


def test_an_estimate_is_calculated_at_once_and_measured_when_that_is_asked_for(plan: list[str], while_waiting: Work) -> None:
    settings = {"training_duration": "2ep", "context_length": 512}
    guessed = fm.estimate(*plan, **settings)
    assert (guessed.basis, guessed.steps > 0) == ("calculated", True)
    told = while_waiting(lambda: fm.estimate(*plan, measure=True, **settings), is_measured)
    assert (told.basis, told.memory_bytes, told.steps) == ("measured", 700_000_000, guessed.steps)
    assert told.seconds_low < told.seconds < told.seconds_high
    assert fm.estimate(*plan, **settings).basis == "measured", "what is known is told without asking for it"
    assert not Run.objects.exists()


def test_what_cannot_be_measured_is_raised_with_the_servers_reason(plan: list[str], while_waiting: Work) -> None:
    def fails(engine: FakeEngine) -> None:
        engine.ends(Outcome.FAILED, fault=Fault.DATA, message="No row has a trained token.")

    with pytest.raises(NotMeasured, match="No row has a trained token") as raised:
        while_waiting(lambda: fm.estimate(*plan, measure=True), fails)
    assert raised.value.suggestion == {}


def test_the_command_line_says_the_same(plan: list[str], while_waiting: Work, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["estimate", *plan, "main.default", "--context-length", "512", "--training-duration", "2ep"]
    assert main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["basis"] == "calculated"
    assert while_waiting(lambda: main([*line, "--measure"]), is_measured) == 0
    out = capsys.readouterr().out
    assert "basis   measured." in out
    assert "memory  700 MB (" in out
    assert out.endswith("It fits.\n")
    assert not Run.objects.exists()


def test_a_run_that_does_not_fit_is_said_so(
    plan: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Estimate(
        fits=False, explanation="Weights.", memory_bytes=9 * 10**9, memory_available=10**9, disk_bytes=10**6,
        disk_available=10**9, tokens=1_000, steps=10, seconds=None,
    )  # fmt: skip
    assert [*needs(small)][:2] == ["time    not known yet", "memory  9.0 GB, of 1.0 GB free"]
    monkeypatch.setattr(fm, "estimate", lambda *_, **__: small)
    assert main(["estimate", *plan]) == 1
    assert capsys.readouterr().out.endswith("It does not fit.\n")
