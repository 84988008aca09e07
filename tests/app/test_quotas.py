"""Quotas: counted from the rows, refused in words at every door, and not outrun by two requests at once."""

import json
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.validation import check
from runs.models import Checkpoint, DataSet, Quota, Run, RunEvent, RunStatus, Team, User
from runs.services import arrivals, datasets, keeping, lifecycle, quotas, volumes
from runs.services.quotas import QuotaReached
from runs.services.refused import NotAllowed
from tests.app.conftest import ROWS, Call, Submit, caller, text

LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def upload(by: User, client: Client | None = None) -> Any:
    file = SimpleUploadedFile("rows.jsonl", LINES)
    if client is not None:
        return client.post("/data/", {"file": file, "task_type": "CHAT_COMPLETION"})
    return datasets.add_upload(by=by, file=file.file, filename="rows.jsonl", task=TaskType.CHAT_COMPLETION)  # type: ignore[arg-type]


def test_without_a_quota_nothing_is_limited_and_nothing_is_shown(owner: User, submit: Submit) -> None:
    assert quotas.allowances(owner) == []
    assert all(submit() for _ in range(3))


def test_runs_at_once_are_refused_at_each_door_and_free_again_when_one_ends(
    owner: User, submit: Submit, api: Call, asked: dict[str, Any], accepted: None
) -> None:
    Quota.objects.create(person=owner, runs_at_once=1)
    run = submit()
    with pytest.raises(QuotaReached, match="Your quota for runs at once is reached: 1 of 1"):
        submit()
    answer = api("POST", "runs", asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "quota_reached")
    config = {"model": asked["model"], "trainDataPath": "sums", "taskType": "CHAT_COMPLETION"}
    config["experimentTracker"] = {"mlflow": {"modelRegistryPath": "main.default"}}
    graphql = api(
        "POST",
        "http://testserver/api/2.0/genai-mapi/graphql",
        {"query": "mutation { createFinetune { id } }", "variables": {"createFinetuneData": {"config": config}}},
    )
    assert "Your quota for runs at once" in graphql.json()["errors"][0]["message"]
    job = {"model": asked["model"], "training_file": "file-sums"}
    assert "Your quota for runs at once" in api("POST", "http://testserver/v1/fine_tuning/jobs", job).json()["error"]["message"]
    assert Run.objects.count() == 1
    lifecycle.cancel(run=run, by=owner)
    assert submit()


def test_a_team_shares_its_quota(owner: User, colleague: User, stranger: User, research: Team, submit: Submit) -> None:
    Quota.objects.create(team=research, runs_at_once=1)
    submit(by=colleague)
    with pytest.raises(QuotaReached, match="of the team research"):
        submit(by=owner)
    assert quotas.allowances(stranger) == []


def test_ones_own_quota_takes_the_place_of_everybodys(owner: User, colleague: User) -> None:
    Quota.objects.create(runs_at_once=1)
    Quota.objects.create(person=owner, runs_at_once=5)
    assert [allowance.limit for who in (owner, colleague) for allowance in quotas.allowances(who)] == [5, 1]


def test_device_hours_count_this_month_alone_and_each_device(owner: User, run: Run, submit: Submit) -> None:
    Quota.objects.create(person=owner, device_hours=10)
    now = timezone.localtime()
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    Run.objects.filter(pk=run.pk).update(
        status=RunStatus.COMPLETED,
        started_at=begin - timedelta(hours=5),
        completed_at=begin + timedelta(hours=2),
        device_indices=[0, 1],
        deleted_at=now,
    )
    assert quotas.allowances(owner)[0].used == pytest.approx(4)
    Run.objects.filter(pk=run.pk).update(completed_at=begin + timedelta(hours=5))
    with pytest.raises(QuotaReached, match=r"device hours this month is reached: 10.0 h of 10.0 h"):
        submit()
    Run.objects.filter(pk=run.pk).update(completed_at=begin - timedelta(hours=1))
    assert submit()


def test_a_paused_run_uses_no_device(owner: User, run: Run) -> None:
    Quota.objects.create(person=owner, device_hours=100)
    begin = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = begin + timedelta(minutes=12)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED, started_at=begin, completed_at=end, device_indices=[0])
    assert quotas.allowances(owner)[0].used == pytest.approx(12 / 60)
    for minute, kind in ((0, "STARTED"), (2, "PAUSED"), (7, "REQUEUED"), (9, "STARTED"), (10, "REQUEUED"), (11, "STARTED")):
        RunEvent.objects.create(run=run, type=kind, time=begin + timedelta(minutes=minute), message="")
    assert quotas.allowances(owner)[0].used == pytest.approx((2 + 1 + 1) / 60)
    RunEvent.objects.filter(run=run, time__gt=begin + timedelta(minutes=2)).delete()
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PAUSED, completed_at=None)
    assert quotas.allowances(owner)[0].used == pytest.approx(2 / 60)


def test_a_file_that_comes_in_parts_needs_room_for_all_that_was_announced(owner: User, dataset: DataSet) -> None:
    Quota.objects.create(person=owner, storage=dataset.bytes + 1_000)
    with pytest.raises(QuotaReached, match="this needs 2 kB"):
        arrivals.begin(by=owner, filename="a.jsonl", size=2_000)
    first = arrivals.begin(by=owner, filename="a.jsonl", size=600)
    with pytest.raises(QuotaReached):
        arrivals.begin(by=owner, filename="b.jsonl", size=600)
    arrivals.drop(by=owner, key=first.key)
    assert arrivals.begin(by=owner, filename="b.jsonl", size=600)


def test_a_remedy_needs_room_too(owner: User, dataset: DataSet) -> None:
    """Data sets made from others come through the same door as uploads."""
    Quota.objects.create(person=owner, storage=dataset.bytes + 10)
    report = check(wiring.dataset_file(dataset.digest), task=TaskType.CHAT_COMPLETION, name="x.jsonl", canonical=None)
    kept = report.model_copy(update={"digest": dataset.digest, "rows": dataset.rows})
    with pytest.raises(QuotaReached):
        keeping.create(by=owner, report=kept, source="x", task=TaskType.CHAT_COMPLETION, wanted="more", derived_from=dataset)


def test_storage_counts_data_and_checkpoints_that_are_there(owner: User, run: Run, dataset: DataSet, client: Client) -> None:
    size = dataset.bytes
    Checkpoint.objects.create(run=run, name="ep1-ba1", step=1, epoch=1, bytes=1_000, digest="d", time=timezone.now())
    Checkpoint.objects.create(
        run=run, name="ep1-ba2", step=2, epoch=1, bytes=7_000, digest="d", time=timezone.now(), deleted_at=timezone.now()
    )
    Quota.objects.create(person=owner, storage=size + 1_100)
    assert quotas.allowances(owner)[0].used == size + 1_000
    with pytest.raises(QuotaReached, match="storage is reached"):
        upload(owner)
    client.force_login(owner)
    refused = upload(owner, client)
    assert (refused.status_code, "Your quota for storage" in text(refused)) == (422, True)
    Quota.objects.update(storage=size + 1_000)
    with pytest.raises(QuotaReached):
        volumes.write(path="/Volumes/main/default/v/x.txt", chunks=iter([b"x"]), by=owner, overwrite=True)
    assert DataSet.objects.count() == 1
    Quota.objects.update(storage=3 * size)
    assert upload(owner)


def test_what_is_left_is_shown_in_the_wizard_on_the_account_page_and_by_rest(
    owner: User, client: Client, accepted: None
) -> None:
    Quota.objects.create(person=owner, runs_at_once=4, device_hours=10, storage=10**9)
    client.force_login(owner)
    for path in ("/account/", "/runs/new/"):
        page = text(client.get(path))
        assert "4 left of 4" in page, path
        assert "10.0 h left of 10 h" in page, path
    shown = {one["key"]: one["left"] for one in caller(owner)("GET", "quotas").json()["data"]}
    assert shown == {"runs_at_once": 4, "device_hours": 10, "storage": 10**9}


def test_an_admin_sets_them_in_the_console_and_nobody_else(console: Client, owner: User, research: Team) -> None:
    console.post(
        "/admin/runs/quota/add/", {"person": "", "team": research.pk, "runs_at_once": 3, "device_hours": "", "storage": ""}
    )
    quota = Quota.objects.get()
    assert (quota.team, quota.runs_at_once, quota.storage) == (research, 3, None)
    with pytest.raises(NotAllowed):
        quotas.set_quota(quota=quota, by=owner)
    console.post(f"/admin/runs/quota/{quota.pk}/delete/", {"post": "yes"})
    assert not Quota.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", [{"runs_at_once": 1}, {"storage": 5 * 10**9}])
def test_of_two_at_the_same_moment_one_is_refused(
    owner: User, asked: dict[str, Any], accepted: None, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    """Each run alone would fit: what one of them will keep is taken as soon as it is made, long before its first byte."""
    monkeypatch.setattr("runs.services.checks.refuse_what_never_fits", lambda *_: 3 * 10**9)
    Quota.objects.create(person=owner, **limit)
    barrier, outcomes = Barrier(4), list[str]()

    def attempt() -> None:
        barrier.wait(30)
        try:
            outcomes.append(lifecycle.submit(by=owner, asked=lifecycle.read_request(asked)).status)
        except QuotaReached:
            outcomes.append("refused")
        finally:
            connection.close()

    _together(attempt, 4)
    assert sorted(outcomes) == ["PENDING", "refused", "refused", "refused"]


def _together(work: Callable[[], None], many: int) -> None:
    threads = [Thread(target=work) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
