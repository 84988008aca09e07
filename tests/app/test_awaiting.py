"""Runs asked for by another service's program while their data are still being checked: they wait, and begin or fail."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client

from runs import wiring
from runs.models import BaseModel, DataSet, Run, RunStatus, Taking, User
from runs.models.taking import Stage
from runs.services import access, awaiting, dispatch, lifecycle, pausing, taking
from runs.services.refused import CannotPause, DoesNotFit, LicenceNotAccepted
from tests.app.conftest import Call, text
from tests.app.test_databricks import asking, create, listed
from tests.app.test_taking import BAD, GOOD, done, here, large, model, volume  # noqa: F401  fixtures among them
from tests.app.test_taking import api as script
from tests.fakes import FakeLauncher

pytestmark = pytest.mark.usefixtures("here")
TRAIN, HELD_OUT = "dbfs:/Volumes/main/default/raw/sums.jsonl", "dbfs:/Volumes/main/default/raw/held-out.jsonl"


@pytest.fixture
def wish(model: BaseModel, volume: Path, owner: User) -> dict[str, str]:  # noqa: F811
    access.accept_licence(licence=model.licence, by=owner)
    (volume / "sums.jsonl").write_bytes(GOOD)
    (volume / "held-out.jsonl").write_bytes(b"".join(GOOD.splitlines(keepends=True)[:9]))
    return {"model": model.name, "trainDataPath": TRAIN}


def waiting(owner: User, wish: dict[str, str], **more: str) -> Run:
    """A run of the original client's, made while a large file of a volume is checked."""
    made = create(asking(owner), **{**wish, **more})["data"]["createFinetune"]
    assert made["status"] == "PENDING"
    return Run.objects.get(name=made["name"])


def after_the_worker(run: Run) -> Run:
    dispatch.start_waiting()
    run.refresh_from_db()
    return run


def events(run: Run) -> list[str]:
    return list(run.events.order_by("pk").values_list("type", flat=True))


def test_a_script_waits_for_its_large_file_and_trains_on_it(owner: User, wish: dict[str, str], launcher: FakeLauncher) -> None:
    run = waiting(owner, wish)
    assert after_the_worker(run).status == RunStatus.PENDING
    assert run.dataset is None
    done(Taking.objects.get())
    assert after_the_worker(run).status == RunStatus.STARTING
    assert run.data == DataSet.objects.get()
    assert events(run) == ["CREATED", "CHECK_PASSED", "STARTED"]
    assert wiring.run_folder(run.name).read_spec().train.digest == run.data.digest


def test_a_run_whose_file_is_bad_fails_with_its_line(owner: User, wish: dict[str, str], volume: Path) -> None:  # noqa: F811
    (volume / "sums.jsonl").write_bytes(BAD)
    run = waiting(owner, wish)
    done(Taking.objects.get())
    assert after_the_worker(run).status == RunStatus.FAILED
    assert "Line 21" in run.details
    assert (run.fault, events(run)) == ("data", ["CREATED", "FAILED"])
    assert listed(asking(owner))["data"]["getFinetunesPaginated"]["finetunes"][0]["reason"] == run.details


def test_a_run_that_cannot_be_looked_at_keeps_no_other_waiting(
    owner: User, wish: dict[str, str], launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = waiting(owner, wish), waiting(owner, wish)
    for check in Taking.objects.exclude(stage=Stage.READY):
        done(check)
    look = awaiting._have_come
    monkeypatch.setattr(awaiting, "_have_come", lambda run: 1 / 0 if run.pk == first.pk else look(run))
    assert after_the_worker(second).status == RunStatus.STARTING
    assert after_the_worker(first).status == RunStatus.PENDING
    assert "could not be looked at" in caplog.text


def test_both_files_are_waited_for(owner: User, wish: dict[str, str], launcher: FakeLauncher) -> None:
    run = waiting(owner, wish, evalDataPath=HELD_OUT)
    first, second = Taking.objects.order_by("pk")
    done(second)
    assert after_the_worker(run).status == RunStatus.PENDING
    done(first)
    assert after_the_worker(run).status == RunStatus.STARTING
    assert (run.data.rows, run.eval_dataset and run.eval_dataset.rows) == (20, 9)


def test_a_check_that_somebody_stops_ends_the_run(owner: User, wish: dict[str, str]) -> None:
    run = waiting(owner, wish)
    taking.cancel(by=owner, key=Taking.objects.get().key)
    assert "was stopped" in after_the_worker(run).details
    assert run.status == RunStatus.FAILED


def test_rules_that_only_the_data_can_break_are_kept_when_they_are_here(
    owner: User, wish: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise DoesNotFit("It needs 900 GB of memory.")

    run = waiting(owner, wish)
    done(Taking.objects.get())
    monkeypatch.setattr(awaiting, "refuse_what_never_fits", refuse)
    assert after_the_worker(run).status == RunStatus.FAILED
    assert (run.fault, run.details) == ("memory", "It needs 900 GB of memory.")


def test_the_other_rules_are_kept_at_once(stranger: User, wish: dict[str, str]) -> None:
    asked = lifecycle.read_request({"model": wish["model"], "train_data_path": TRAIN, "register_to": "main.default"})
    with pytest.raises(LicenceNotAccepted):
        lifecycle.submit(by=stranger, asked=asked, waits=True)


def test_while_it_waits_it_is_cancelled_but_not_paused(owner: User, wish: dict[str, str]) -> None:
    run = waiting(owner, wish)
    with pytest.raises(CannotPause, match="still being checked"):
        pausing.pause(run=run, by=owner)
    lifecycle.cancel(run=run, by=owner)
    done(Taking.objects.get())
    assert after_the_worker(run).status == RunStatus.STOPPED


def test_no_run_begins_without_data(owner: User, wish: dict[str, str]) -> None:
    run = waiting(owner, wish)
    for fields in ({"awaits_data": False}, {"status": RunStatus.QUEUED, "queued_at": run.created_at}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Run.objects.filter(pk=run.pk).update(**fields)


def test_every_door_shows_a_run_that_waits(owner: User, colleague: User, wish: dict[str, str], api: Call) -> None:
    run = waiting(owner, wish)
    Taking.objects.update(stage=Stage.RUNNING, done=30_000_000, total=120_000_000)
    (shown,) = api("GET", "runs").json()["data"]
    assert (shown["dataset"], shown["status"], shown["request"]["train_data_path"]) == (None, "PENDING", TRAIN)
    browser, check = Client(), f"/data/checks/{Taking.objects.get().key}/"
    for person, sees in ((owner, True), (colleague, False)):
        browser.force_login(person)
        page = text(browser.get(f"/runs/{run.name}/"))
        assert "Its data are being checked" in page
        assert (check in page, "30 of 120 MB" in page) == (sees, sees), "the check is its owner's"
        assert ">Pause<" not in page
        assert api("GET", f"runs/{run.name}/spec").status_code == 409
        for path in ("/", f"/runs/{run.name}/specification/", f"/runs/{run.name}/first-batch/", "/runs/"):
            assert browser.get(path).status_code in (200, 302, 404), path
        assert TRAIN in text(browser.get("/"))


def test_a_large_file_of_the_openai_dialect_that_cannot_be_trained_on_is_an_error_with_its_line(
    owner: User, wish: dict[str, str]
) -> None:
    client = script(owner)

    def send(**headers: str) -> Any:
        form = {"file": SimpleUploadedFile("sums.jsonl", BAD), "purpose": "fine-tune"}
        return client.post("/v1/files", form, headers=headers).json()

    def job() -> Any:
        asked = {"model": wish["model"], "training_file": file["id"]}
        return client.post("/v1/fine_tuning/jobs", asked, content_type="application/json").json()

    file = send()
    assert (file["status"], file["bytes"], Taking.objects.count()) == ("uploaded", len(BAD), 1)
    assert send(**{"X-Stainless-Retry-Count": "1"}) == file, "the client lost the answer"
    made = job()
    assert (made["status"], made["training_file"]) == ("validating_files", file["id"])
    done(Taking.objects.get())
    told = client.get(f"/v1/files/{file['id']}").json()
    assert (told["status"], "Line 21" in told["status_details"]) == ("error", True), told
    dispatch.start_waiting()
    failed = client.get(f"/v1/fine_tuning/jobs/{made['id']}").json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_training_file")
    assert "Line 21" in failed["error"]["message"]
    refused = job()["error"]
    assert (refused["code"], refused["param"]) == ("invalid_file_format", "training_file")
    assert "not kept" in client.get(f"/v1/files/{file['id']}/content").json()["error"]["message"]
    assert client.delete(f"/v1/files/{file['id']}").json()["deleted"]
    assert client.get("/v1/files").json()["data"] == []


def test_deleted_runs_let_go_of_their_data_and_keep_its_name(
    run: Run, dataset: DataSet, owner: User, stranger: User, api: Call, console: Client
) -> None:
    kept: Any = api("DELETE", "datasets/sums")
    assert kept.json()["detail"].startswith("A run was trained or evaluated on “sums”")
    browser = Client()
    browser.force_login(owner)
    assert "Delete that run first" in text(browser.get("/data/sums/delete/"))
    lifecycle.cancel(run=run, by=owner)
    lifecycle.delete(run=run, by=owner)
    assert "keep its name and digest" in text(browser.get("/data/sums/delete/"))
    assert api("DELETE", "datasets/sums").status_code == 204
    run.refresh_from_db()
    assert (run.dataset, run.gone_data["dataset"]["name"], run.gone_data["dataset"]["digest"]) == (None, "sums", dataset.digest)
    assert console.get(f"/admin/runs/run/{run.pk}/change/").status_code == 200
