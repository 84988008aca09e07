"""Large data are checked in the background, by a child that tasks follow; taken up again after anything, kept when good."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.measuring import write
from runs.data.taking import ROOTS, Job, take
from runs.execution import measuring as children
from runs.models import BaseModel, DataSet, Draft, Role, Run, Taking, User
from runs.models.taking import Stage
from runs.services import access, arrivals, datasets, drafts, leases, taking
from runs.services.refused import BadData, NotAllowed, NotFound, StillChecking, UnknownData
from tests.app.conftest import ROWS
from tests.offer import tiny_offer

CHAT = TaskType.CHAT_COMPLETION
GOOD = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
BAD = GOOD + b'{"no": "row"}\n'
ALPACA = b"".join(json.dumps({"instruction": f"Add {n}.", "input": "", "output": f"{n}"}).encode() + b"\n" for n in range(9))


@pytest.fixture(autouse=True)
def large(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every file is too large to be checked while a person waits."""
    monkeypatch.setattr(taking, "MOST", 0)
    monkeypatch.setattr(taking, "MOST_PACKED", 0)
    yield
    for found in Taking.objects.all():
        taking.remove(found)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the child does, done in this process: for stories that are not about processes."""

    def launch(folder: Path, module: str, job: dict[str, Any], told: bytes) -> None:
        assert module == "runs.data.taking"
        write(folder / "result.json", take(Job.model_validate(job), ROOTS.validate_json(told), folder))

    monkeypatch.setattr(children, "launch", launch)


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", str(tmp_path))
    (folder := tmp_path / "main" / "default" / "raw").mkdir(parents=True)
    return folder


def api(user: User) -> Client:
    _, token = access.create_token(by=user, name="x")
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


def begun(by: User, content: bytes = GOOD, filename: str = "sums.jsonl") -> Taking:
    with pytest.raises(StillChecking, match="checked in the background") as told:
        datasets.add_upload(by=by, file=BytesIO(content), filename=filename, task=CHAT)
    return Taking.objects.get(key=told.value.check)


def done(found: Taking) -> Taking:
    """After a worker has seen to it."""
    assert taking.work(found.pk, "") == ""
    return Taking.objects.get(pk=found.pk)


def test_a_large_file_is_answered_at_once_and_is_a_data_set_when_its_last_row_is_checked(owner: User) -> None:
    client = api(owner)
    answer = client.post("/api/v1/datasets?task_type=CHAT_COMPLETION&name=sums", GOOD, content_type="application/jsonl")
    assert answer.status_code == 202, answer.content
    told = answer.json()
    assert (told["state"], told["source"], told["total"], told["dataset"]) == ("waiting", "sums.jsonl", len(GOOD), None)
    assert answer["Location"].endswith(f"/api/v1/checks/{told['key']}")
    assert not DataSet.objects.exists()
    done(Taking.objects.get())
    ready = client.get(answer["Location"]).json()
    assert (ready["state"], ready["dataset"], ready["rows"]) == ("ready", "sums", 20)
    assert client.get("/api/v1/datasets/sums").json()["rows"] == 20
    assert not wiring.taking_folder(told["key"]).exists()


@pytest.mark.usefixtures("here")
def test_a_file_that_came_in_parts_goes_over_whole(owner: User) -> None:
    key = arrivals.begin(by=owner, filename="a.jsonl", size=len(GOOD)).key
    arrivals.append(by=owner, key=key, offset=0, chunks=[GOOD])
    with pytest.raises(StillChecking):
        datasets.add_arrived(by=owner, key=key, task=CHAT)
    with pytest.raises(NotFound):
        arrivals.find(by=owner, key=key)
    made = done(Taking.objects.get()).dataset
    assert made is not None
    assert (made.name, made.rows, made.source) == ("a", 20, "a.jsonl")


@pytest.mark.usefixtures("here")
def test_what_is_wrong_is_said_afterwards_and_nothing_is_kept(owner: User) -> None:
    found = done(begun(owner, BAD))
    assert (found.stage, found.dataset) == (Stage.REFUSED, None)
    answer = api(owner).get(f"/api/v1/checks/{found.key}").json()
    assert answer["state"] == "refused"
    assert answer["report"]["groups"][0]["problems"][0]["line"] == 21
    assert not DataSet.objects.exists()
    assert not wiring.taking_folder(found.key).exists()


@pytest.mark.usefixtures("here")
def test_a_mapping_is_confirmed_without_sending_the_file_again(owner: User) -> None:
    found = done(begun(owner, ALPACA, "alpaca.jsonl"))
    browser = Client()
    browser.force_login(owner)
    page = browser.get(f"/data/checks/{found.key}/").content.decode()
    assert "Read them like that, and check once more" in page
    assert 'value="alpaca"' in page
    again = browser.post(f"/data/checks/{found.key}/", {"mapping": "alpaca"})
    assert again.status_code == 302
    made = done(Taking.objects.get())
    assert again["Location"] == f"/data/checks/{made.key}/"
    assert made.dataset is not None
    assert (made.dataset.rows, made.dataset.mapping) == (9, "alpaca")


@pytest.mark.usefixtures("here")
def test_programs_confirm_a_mapping_by_the_key_of_the_check(owner: User) -> None:
    found, client = done(begun(owner, ALPACA, "alpaca.jsonl")), api(owner)
    assert client.get(f"/api/v1/checks/{found.key}").json()["report"]["proposal"]["shape"] == "alpaca"
    again = client.generic("POST", f"/api/v1/datasets?upload={found.key}&task_type=CHAT_COMPLETION&mapping=alpaca")
    assert again.status_code == 202, again.content
    assert done(Taking.objects.get()).stage == Stage.READY


@pytest.mark.usefixtures("here")
def test_a_file_that_may_not_be_checked_again_stays_where_it_was(owner: User) -> None:
    found = done(begun(owner, ALPACA, "alpaca.jsonl"))
    owner.role = Role.VIEWER
    owner.save()
    with pytest.raises(NotAllowed):
        taking.again(by=owner, refused=found, mapping="alpaca")
    assert taking.refused(by=owner, key=found.key) == found
    assert Taking.objects.count() == 1


def test_a_check_outlives_its_child_and_its_worker(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    found = begun(owner)
    monkeypatch.setattr(leases, "SPELL", 0.0)
    token = taking.work(found.pk, "")  # a child is started, and the spell is over
    assert token, "the task names its successor"
    folder = wiring.taking_folder(found.key)
    children.end(folder)  # as the out-of-memory killer would
    until = time.monotonic() + 20
    while children.is_alive(folder) and time.monotonic() < until:
        time.sleep(0.02)
    (folder / "result.json").unlink(missing_ok=True)  # it may have been quicker
    Taking.objects.update(lease_heartbeat=timezone.now() - timedelta(minutes=5))
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(leases, "after_commit", lambda *task, **_: sent.append(task))
    taking.reap()
    ((task, pk, new),) = sent
    assert (task, pk) == ("runs.tasks.take", found.pk)
    assert taking.work(pk, token) == "", "the silent worker has lost its lease"
    monkeypatch.setattr(leases, "SPELL", 50.0)
    assert taking.work(pk, new) == ""
    assert DataSet.objects.get().rows == 20


def test_a_child_that_dies_every_time_is_given_up_in_words(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    found = begun(owner)
    monkeypatch.setattr(children, "launch", lambda *_: None)
    assert "three times" in done(found).reason


def test_stopping_ends_the_child_and_keeps_nothing(owner: User, colleague: User, monkeypatch: pytest.MonkeyPatch) -> None:
    found, client = begun(owner), api(owner)
    monkeypatch.setattr(leases, "SPELL", 0.0)
    token = taking.work(found.pk, "")
    assert api(colleague).delete(f"/api/v1/checks/{found.key}").status_code == 404
    assert client.delete(f"/api/v1/checks/{found.key}").status_code == 204
    assert client.get(f"/api/v1/checks/{found.key}").status_code == 404
    assert taking.work(found.pk, token) == ""
    assert not wiring.taking_folder(found.key).exists()
    assert not DataSet.objects.exists()


@pytest.mark.usefixtures("here")
def test_a_large_file_of_a_volume_is_read_once_for_each_of_its_states(owner: User, volume: Path) -> None:
    (volume / "sums.jsonl").write_bytes(GOOD)

    def ask() -> DataSet:
        return datasets.resolve(by=owner, reference="/Volumes/main/default/raw/sums.jsonl", task=CHAT, field="train_data_path")

    for _ in range(2):
        with pytest.raises(StillChecking):
            ask()
    made = done(Taking.objects.get()).dataset
    assert ask() == made
    assert ask().name == "sums"
    (volume / "sums.jsonl").write_bytes(BAD)
    with pytest.raises(StillChecking):
        ask()
    done(Taking.objects.latest("pk"))
    with pytest.raises(BadData) as refused:
        ask()
    assert refused.value.report is not None
    (volume / "sums.jsonl").unlink()
    with pytest.raises(UnknownData, match="nothing at"):
        ask()


@pytest.mark.usefixtures("here")
def test_a_run_on_large_data_is_made_when_they_are_checked(owner: User, model: BaseModel, volume: Path) -> None:
    (volume / "sums.jsonl").write_bytes(GOOD)
    access.accept_licence(licence=model.licence, by=owner)
    wish = {"model": model.name, "train_data_path": "/Volumes/main/default/raw/sums.jsonl", "register_to": "main.default"}
    client = api(owner)

    def ask() -> Any:
        return client.post("/api/v1/runs", wish, content_type="application/json", headers={"Idempotency-Key": "once"})

    answer = ask()
    assert (answer.status_code, answer.json()["code"]) == (409, "still_checking"), answer.content
    (problem,) = answer.json()["problems"]
    found = Taking.objects.get(key=problem["facts"]["check"])  # it stays although the request was refused under a key
    done(found)
    assert ask().status_code == 201
    assert Run.objects.get().dataset == DataSet.objects.get()


@pytest.mark.usefixtures("here")
def test_the_wizard_goes_on_with_what_was_checked_meanwhile(owner: User, model: BaseModel) -> None:
    access.accept_licence(licence=model.licence, by=owner)
    draft = drafts.choose_model(by=owner, draft=None, values={"model": model.name, "task_type": CHAT.value}, accept=set())
    browser, here = Client(), f"/runs/new/{draft.key}/data/"
    browser.force_login(owner)
    file = SimpleUploadedFile("sums.jsonl", GOOD)
    assert browser.post(here, {"train_data_path-file": file, "go": "next"})["Location"] == here
    found = Taking.objects.get()
    assert f"/data/checks/{found.key}/" in browser.get(here).content.decode()
    done(found)
    assert browser.get(f"/data/checks/{found.key}/")["Location"] == here
    assert "check passed" in browser.get(here).content.decode()
    assert Draft.objects.get().values["train_data_path"] == "sums"


@pytest.mark.usefixtures("here")
def test_the_page_follows_a_check_with_and_without_a_script(owner: User, stranger: User) -> None:
    browser = Client()
    browser.force_login(owner)
    answer = browser.post("/data/", {"file": SimpleUploadedFile("sums.jsonl", GOOD), "task_type": CHAT.value})
    found = Taking.objects.get()
    here = f"/data/checks/{found.key}/"
    assert answer["Location"] == here
    page = browser.get(here).content.decode()
    assert f'<a href="{here}">Look again</a>' in page
    assert f'hx-get="{here}state/"' in page
    assert here in browser.get("/data/").content.decode()
    Taking.objects.update(stage=Stage.RUNNING, done=500, total=1_000, rows=7, started_at=timezone.now() - timedelta(seconds=60))
    told = browser.get(f"{here}state/").content.decode()
    assert "500 bytes of 1.0 kB checked, 7 rows, 1 min left" in " ".join(told.split())
    Taking.objects.update(stage=Stage.WAITING)
    done(found)
    assert browser.get(f"{here}state/", headers={"HX-Current-URL": f"http://testserver{here}"})["HX-Redirect"] == here
    elsewhere = browser.get(f"{here}state/", headers={"HX-Current-URL": "http://testserver/data/"})
    assert "is checked" in elsewhere.content.decode(), "nobody who is typing is taken away"
    assert browser.get(here)["Location"] == "/data/sums/"
    bad = done(begun(owner, BAD, "bad.jsonl"))
    told = browser.get(f"/data/checks/{bad.key}/state/").content.decode()
    assert "bad.jsonl was refused.</span> Line 21" in " ".join(told.split()), "what is wrong is said at first sight"
    browser.force_login(stranger)
    assert browser.get(here).status_code == 404


@pytest.mark.usefixtures("here")
def test_what_is_over_is_forgotten_after_a_day(owner: User) -> None:
    found = done(begun(owner, ALPACA, "alpaca.jsonl"))
    assert (wiring.taking_folder(found.key) / "file").exists(), "the mapping may still be confirmed"
    taking.forget()
    assert Taking.objects.exists()
    Taking.objects.update(created_at=timezone.now() - timedelta(days=2))
    taking.forget()
    assert not Taking.objects.exists()
    assert not wiring.taking_folder(found.key).exists()


@pytest.mark.parametrize(("size", "name", "large"), [(999, "a.jsonl", False), (1_001, "a.txt", True), (101, "a.csv.gz", True)])
def test_packed_files_are_large_sooner(
    size: int, name: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MOST", 1_000)
    monkeypatch.setattr(taking, "MOST_PACKED", 100)
    (tmp_path / "file").write_bytes(b"x" * size)
    assert taking.is_large(tmp_path / "file", name) is large
