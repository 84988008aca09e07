"""A probe before a run: asked for in the wizard or by REST, taken by the engine on a free device, kept for all who ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.contract.events import EventType, Fault, Milestone, Outcome
from runs.contract.probe import Cost, Probe
from runs.models import AuditEntry, BaseModel, DataSet, Draft, Probing, Run, User
from runs.models.probing import Stage
from runs.services import access, dispatch, leases, probing
from runs.services.lifecycle import read_request
from tests.app.conftest import Call, caller, text
from tests.fakes import FakeEngine, FakeLauncher
from tests.offer import tiny_offer

ONE = Cost(clock=1.0, cpu=2.0)
FOUND = Probe(
    steps=3, tokens_at_once=512, begin=ONE * 5, row=ONE * 0.001, step=ONE * 0.1, token=ONE * 0.01, evaluation=ONE,
    checkpoint=ONE, finish=ONE, memory_bytes=700_000_000, spread=0.02, busy=1.0,
)  # fmt: skip


@pytest.fixture
def model(db: None, owner: User, colleague: User) -> BaseModel:
    made = tiny_offer()
    for person in (owner, colleague):
        access.accept_licence(licence=made.licence, by=person)
    return made


@pytest.fixture
def asked(model: BaseModel, dataset: DataSet) -> dict[str, Any]:
    return {"model": model.name, "train_data_path": dataset.name, "register_to": "main.default", "context_length": 512}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SPELL", 0)


@pytest.fixture
def ask(owner: User, asked: dict[str, Any], launcher: FakeLauncher) -> Any:
    """`ask()` asks for a probe of the owner's; keywords change what is asked for."""

    def make(by: User = owner, **changes: Any) -> Probing:
        return probing.ask(by=by, asked=read_request({**asked, **changes}))

    return make


@pytest.fixture
def going(ask: Any, launcher: FakeLauncher) -> tuple[Probing, FakeEngine, str]:
    made = ask()
    token = probing.work(made.pk, "")
    made.refresh_from_db()
    return made, launcher.engines[str(made.pk)], token


def measured(engine: FakeEngine, found: Probe = FOUND) -> None:
    engine.folder.write_probe(found)
    engine.ends(Outcome.COMPLETED)


def test_a_probe_is_taken_once_and_found_by_all_who_ask_for_the_same(
    going: tuple[Probing, FakeEngine, str], ask: Any, colleague: User
) -> None:
    made, engine, token = going
    assert (made.stage, made.device_kind) == (Stage.RUNNING, "cpu")
    assert engine.folder.probe.exists()
    assert engine.folder.read_spec().hyperparameters.context_length == 512
    engine.trains(first=1, last=2)
    assert probing.work(made.pk, token) == token
    made.refresh_from_db()
    assert made.doing == "2 steps taken"
    measured(engine)
    assert probing.work(made.pk, token) == ""
    made.refresh_from_db()
    assert (made.stage, made.found) == (Stage.READY, FOUND)
    assert not engine.folder.path.exists()
    again = ask(colleague, training_duration="5ep", learning_rate=0.5, seed=3, register_to="other.place.model")
    assert again.pk == made.pk, "the length of a run and its rates change no step"
    assert ask(batch_size=2).pk != made.pk
    assert AuditEntry.objects.filter(action="run.probe").count() == 2


def test_a_probe_waits_for_the_device_and_a_run_for_the_probe(
    going: tuple[Probing, FakeEngine, str], ask: Any, asked: dict[str, Any], owner: User, api: Call
) -> None:
    made, engine, token = going
    name = api("POST", "runs", asked).json()["name"]
    assert dispatch.start_waiting() == []
    other = ask(batch_size=2)
    assert probing.work(other.pk, "") == "", "there is one device"
    measured(engine)
    probing.work(made.pk, token)
    assert [run.name for run in dispatch.start_waiting()] == [name]
    assert probing.work(other.pk, "") == ""
    other.refresh_from_db()
    assert other.stage == Stage.WAITING


@pytest.mark.parametrize(
    ("ending", "fault", "said"),
    [
        (lambda engine: engine.ends(Outcome.FAILED, fault=Fault.MEMORY, message="Too little."), "memory", "Too little."),
        (lambda engine: engine.is_killed(), "memory", "no memory left"),
        (lambda engine: Probing.objects.update(started_at=timezone.now() - timedelta(hours=1)), "slow", "more than 5 minutes"),
    ],
)
def test_what_goes_wrong_is_said(going: tuple[Probing, FakeEngine, str], ask: Any, ending: Any, fault: str, said: str) -> None:
    made, engine, token = going
    ending(engine)
    assert probing.work(made.pk, token) == ""
    made.refresh_from_db()
    assert (made.stage, made.fault) == (Stage.FAILED, fault)
    assert said in made.reason
    assert not engine.alive
    assert ask().stage == Stage.FAILED, "whoever waits for it by asking again is told"
    Probing.objects.update(ended_at=timezone.now() - probing.TOLD)
    again = ask()
    assert (again.pk, again.stage, again.reason) == (made.pk, Stage.WAITING, "")


def test_a_follower_that_went_silent_is_replaced(
    going: tuple[Probing, FakeEngine, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, engine, token = going
    sent: list[Any] = []
    monkeypatch.setattr(leases, "after_commit", lambda *task, **_: sent.append(task))
    Probing.objects.update(lease_heartbeat=timezone.now() - timedelta(seconds=60))
    probing.reap()
    ((task, pk, fresh),) = sent
    assert (task, pk) == ("runs.tasks.probe", made.pk)
    measured(engine)
    assert probing.work(made.pk, token) == ""
    assert Probing.objects.get().stage == Stage.RUNNING, "the old follower's token is void"
    probing.work(made.pk, fresh)
    assert Probing.objects.get().stage == Stage.READY


def test_rest_measures_and_the_estimate_is_measured_from_then_on(
    api: Call, asked: dict[str, Any], launcher: FakeLauncher
) -> None:
    before = api("POST", "estimates", asked).json()
    assert before["basis"] == "calculated"
    assert before["seconds_low"] < before["seconds"] < before["seconds_high"]
    answer = api("POST", "probes", asked)
    assert (answer.status_code, answer.json()["stage"]) == (202, "waiting")
    made = Probing.objects.get()
    token = probing.work(made.pk, "")
    measured(launcher.engines[str(made.pk)])
    probing.work(made.pk, token)
    answer = api("POST", "probes", asked)
    assert (answer.status_code, answer.json()["stage"], answer.json()["steps"]) == (200, "ready", 3)
    after = api("POST", "estimates", asked).json()
    assert after == answer.json()["estimate"] | {key: after[key] for key in ("memory_available", "disk_available")}
    assert (after["basis"], after["memory_bytes"]) == ("measured", FOUND.memory_bytes)
    assert after["seconds"] == pytest.approx(5 + 0.02 + 3 * 0.1 + 0.01 * after["tokens"] + 1 + 1), (
        "begin, rows, steps, tokens, checkpoint, end"
    )
    longer = api("POST", "estimates", {**asked, "training_duration": "2ep"}).json()
    assert longer["seconds"] - after["seconds"] == pytest.approx(0.3 + 0.01 * after["tokens"]), (
        "all checkpoints but the last are written while steps of two seconds go on"
    )
    assert not Run.objects.exists()


def test_out_of_memory_comes_with_settings_that_need_less(
    api: Call,
    asked: dict[str, Any],
    going: tuple[Probing, FakeEngine, str],
    client: Client,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, engine, token = going
    engine.ends(Outcome.FAILED, fault=Fault.MEMORY, message="The memory was not enough.")
    probing.work(made.pk, token)
    draft = Draft.objects.create(owner=owner, values={**asked, "task_type": "CHAT_COMPLETION", "context_length": "512"})
    client.force_login(owner)
    review = f"/runs/new/{draft.key}/review/"
    page = text(client.get(review))
    assert "Out of memory while measuring." in page
    assert "The memory was not enough." in page
    told = client.post(review, {"go": "ease", "register_to": "main.default"}, follow=True)
    assert "Choose a smaller model." in text(told), "of so small a model nearly all is the program"
    monkeypatch.setattr("runs.catalog.estimate.PROCESS_BYTES", 0)
    monkeypatch.setattr("runs.catalog.estimate.LOGIT_BYTES", 0)
    Probing.objects.update(ended_at=timezone.now() - probing.TOLD)
    assert api("POST", "probes", asked).json()["suggestion"] == {}, "it is tried anew"
    Probing.objects.update(stage=Stage.FAILED, fault="memory", reason="Too little.")
    client.post(review, {"go": "ease", "register_to": "main.default"})
    draft.refresh_from_db()
    assert draft.values["gradient_checkpointing"] == "True"
    assert "Out of memory" not in text(client.get(review))


def test_the_wizard_measures_and_says_what_is_measured_and_what_calculated(
    client: Client, owner: User, asked: dict[str, Any], launcher: FakeLauncher, stranger: User
) -> None:
    client.force_login(owner)
    draft = Draft.objects.create(owner=owner, values={**asked, "task_type": "CHAT_COMPLETION", "context_length": "512"})
    review = f"/runs/new/{draft.key}/review/"
    page = text(client.get(review))
    assert "calculated" in page
    assert "Measure with 3 real steps" in page
    answer = client.post(review, {"go": "probe", "register_to": "main.default"})
    assert answer.headers["Location"] == f"{review}#takes"
    assert "when a device is free" in text(client.get(review))
    made = Probing.objects.get()
    token = probing.work(made.pk, "")
    engine = launcher.engines[str(made.pk)]
    engine.says(Milestone(time=timezone.now(), type=EventType.ADVICE, message="It is 256 at a time."))
    part = client.get(f"/runs/new/{draft.key}/takes/")
    assert "starting the engine" in text(part)
    assert 'hx-trigger="every 1s"' in text(part)
    measured(engine, FOUND.model_copy(update={"busy": 0.5}))
    probing.work(made.pk, token)
    part = text(client.get(f"/runs/new/{draft.key}/takes/"))
    assert "with 3 real steps of these settings" in part
    assert "hx-trigger" not in part
    assert "It is 256 at a time." in part
    assert "50% of it was ours" in part
    client.force_login(stranger)
    assert client.get(f"/runs/new/{draft.key}/takes/").status_code == 404


def test_only_so_many_wait_and_who_may_not_train_has_none(
    ask: Any, asked: dict[str, Any], viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_WAITING", 1)
    ask()
    with pytest.raises(probing.TooManyProbes):
        ask(batch_size=3)
    assert caller(viewer)("POST", "probes", asked).status_code == 403


def test_what_cannot_be_started_says_so(ask: Any, launcher: FakeLauncher) -> None:
    launcher.broken = "No such file."
    made = ask()
    assert probing.work(made.pk, "") == ""
    made.refresh_from_db()
    assert (made.stage, made.reason) == (Stage.FAILED, "The probe could not be started: No such file.")
    assert wiring.launcher() is launcher
