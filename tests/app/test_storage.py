"""What is stored counts: run folders and registered versions are weighed in the background, and quotas are written in GB."""

from functools import partial
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.console.sizes import SizeField
from runs.contract.spec import TaskType
from runs.models import Checkpoint, DataSet, ModelVersion, Quota, Run, Team, User
from runs.registry.protocol import RegistryRefused, RegistryUnavailable
from runs.services import datasets, lifecycle, spending, weighing
from runs.services.quotas import QuotaReached
from tests.app.conftest import Submit, caller, text
from tests.fakes import FakeEngine


class Scales:
    """A registry that knows the size of a version, once it is there."""

    def __init__(self, found: int | Exception) -> None:
        self.found = found

    def size(self, name: str, version: int) -> int:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def scales(monkeypatch: pytest.MonkeyPatch) -> Scales:
    there = Scales(5_000)
    monkeypatch.setattr(wiring, "registry", lambda: there)
    return there


def fill(run: Run, **sizes: int) -> None:
    """`model=7` is a file of 7 bytes in the folder model/."""
    for name, count in sizes.items():
        folder = wiring.run_folder(run.name).path / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights").write_bytes(b"x" * count)


def test_a_run_weighs_its_folder_and_a_checkpoint_counts_from_its_row_at_once(
    trained: tuple[Run, FakeEngine], owner: User, research: Team, dataset: DataSet, scales: Scales
) -> None:
    run, _ = trained
    before = spending.storage(owner)
    assert (before.data, before.runs) == (dataset.bytes, 10), "the checkpoint's row says 10 bytes, and nothing is weighed yet"
    told = sum(len(path.read_bytes()) for path in wiring.run_folder(run.name).path.iterdir() if path.is_file())
    fill(run, model=700, **{"checkpoints/ep1-ba2": 10, "checkpoints/half-written": 50})
    weighing.weigh()
    assert spending.storage(owner).runs == told + 700 + 50 + 10
    assert spending.storage(research) == spending.storage(owner)
    Checkpoint.objects.update(deleted_at=timezone.now())
    fill(run, adapter=3)
    weighing.weigh()
    assert spending.storage(owner).runs == told + 700 + 50, "nothing has changed about the run, so nobody has looked again"
    run.save()
    weighing.weigh()
    assert spending.storage(owner).runs == told + 700 + 50 + 10 + 3


def test_a_registered_version_counts_longer_than_the_run_that_it_came_from(run: Run, owner: User, scales: Scales) -> None:
    lifecycle.cancel(run=run, by=owner)
    ModelVersion.objects.create(run=run, name="main.default.x", version=1, uri="models:/main.default.x/1")
    scales.found = RegistryUnavailable("away")
    weighing.weigh()
    assert (ModelVersion.objects.get().bytes, spending.storage(owner).registered) == (None, 0)
    scales.found = 5_000
    weighing.weigh()
    fill(run, model=100)
    Run.objects.get().save()
    weighing.weigh()
    assert spending.storage(owner).parts["runs"] == 100
    lifecycle.delete(run=Run.objects.get(), by=owner)
    assert (spending.storage(owner).runs, spending.storage(owner).registered) == (0, 5_000)
    ModelVersion.objects.update(bytes=None)
    scales.found = RegistryRefused("no such version")
    weighing.weigh()
    assert ModelVersion.objects.get().bytes == 0


def test_who_has_no_room_starts_no_run_and_reads_what_takes_it(
    run: Run, owner: User, dataset: DataSet, submit: Submit, client: Client, scales: Scales
) -> None:
    fill(run, model=40_000_000)
    weighing.weigh()
    Quota.objects.create(person=owner, storage=50_000_000)
    assert submit()
    Quota.objects.update(storage=30_000_000)
    with pytest.raises(QuotaReached, match=r"storage is reached: 40.00 MB of 30.00 MB are used. Delete data sets or runs"):
        submit()
    client.force_login(owner)
    assert "runs 40.0 MB" in text(client.get("/account/"))
    (shown,) = caller(owner)("GET", "quotas").json()["data"]
    assert shown["parts"] == {"data sets": dataset.bytes, "runs": 40_000_000, "registered models": 0}


def test_a_run_whose_estimate_is_larger_than_what_is_left_is_refused_with_both_numbers(
    owner: User, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.services.checks.refuse_what_never_fits", lambda *_: 3 * 10**9)
    Quota.objects.create(person=owner, storage=2 * 10**9)
    with pytest.raises(
        QuotaReached, match=r"of 2.00 GB are used, and this run will keep, its registered copy included, 3.00 GB"
    ):
        submit()


def test_a_file_that_is_kept_as_it_came_counts_beside_its_rows(owner: User, client: Client) -> None:
    """OpenAI's files are promised back to the byte, so they are on the disk twice."""
    line = b'{"messages":  [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]}\n'
    add = partial(datasets.add_upload, by=owner, filename="a.jsonl", task=TaskType.CHAT_COMPLETION, keep_original=True)
    kept = add(file=BytesIO(line * 40))
    assert (kept.original_bytes, spending.storage(owner).data) == (len(line) * 40, len(line) * 40 + kept.bytes)
    Quota.objects.create(person=owner, storage=spending.storage(owner).data + kept.bytes)
    with pytest.raises(QuotaReached):
        add(file=BytesIO(line * 40))
    assert DataSet.objects.get() == kept
    assert wiring.original_file(kept.original).is_file(), "the one that was refused is the same file"
    DataSet.objects.update(original_bytes=0)
    weighing.weigh()
    assert DataSet.objects.get().original_bytes == len(line) * 40, "kept before sizes were"
    client.force_login(owner)
    assert "What counts as storage" in text(client.get("/account/"))


def test_what_runs_at_work_will_keep_is_taken_until_they_have_ended_and_were_weighed(
    trained: tuple[Run, FakeEngine], owner: User, research: Team, submit: Submit, scales: Scales
) -> None:
    """Its folder grows into what was expected; nothing is counted twice, and what was not used comes back."""
    run, _ = trained
    Run.objects.update(expected_bytes=10_000)
    before = spending.storage(owner)
    assert (before.runs, before.promised) == (10, 9_990)
    fill(run, model=3_000)
    weighing.weigh()
    after = spending.storage(owner)
    assert (after.runs + after.promised, spending.storage(research)) == (10_000, after)
    fill(run, model=30_000)
    Run.objects.get().save()
    weighing.weigh()
    assert spending.storage(owner).promised == 0, "larger than expected"
    Run.objects.update(
        expected_bytes=50_000, status="COMPLETED", completed_at=timezone.now(), lease_token="", lease_heartbeat=None
    )
    ModelVersion.objects.create(run=run, name="main.default.x", version=1, uri="models:/main.default.x/1")
    assert spending.storage(owner).promised > 15_000, "its version was not weighed yet"
    weighing.weigh()
    assert (spending.storage(owner).registered, spending.storage(owner).promised) == (5_000, 0)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("50", 50 * 10**9),
        ("50 GB", 50 * 10**9),
        ("500mb", 5 * 10**8),
        ("1.5 TB", 1_500 * 10**9),
        ("1,000", 10**12),
        ("", None),
    ],
)
def test_storage_is_written_in_gb_or_with_its_unit(console: Client, research: Team, written: str, meant: int | None) -> None:
    form = {"person": "", "team": research.pk, "runs_at_once": "", "device_hours": "", "storage": written}
    assert console.post("/admin/runs/quota/add/", form).status_code == 302
    quota = Quota.objects.get()
    assert quota.storage == meant
    page = text(console.get(f"/admin/runs/quota/{quota.pk}/change/"))
    assert f'value="{SizeField().prepare_value(meant)}"' in page if meant else "used now" in page.lower()


@pytest.mark.parametrize("written", ["plenty", "-3", "50 gigs", "2000 PB", "1.2.3 GB", "٣ GB"])
def test_what_is_no_size_is_said_at_its_field(console: Client, research: Team, written: str) -> None:
    form = {"person": "", "team": research.pk, "runs_at_once": "", "device_hours": "", "storage": written}
    answer = console.post("/admin/runs/quota/add/", form)
    assert answer.status_code == 422
    assert any(words in text(answer) for words in ("as in 50 GB", "more than 1,000 PB"))
    assert not Quota.objects.exists()


@pytest.mark.parametrize("count", [0, 1, 999, 1_234, 10**6, 123_456_789, 50 * 10**9, 10**13 + 1])
def test_a_size_that_is_shown_is_the_size_that_is_kept(count: int) -> None:
    field: Any = SizeField(required=False)
    assert field.has_changed(count, field.prepare_value(count)) is False


def test_an_admin_sees_what_a_team_and_a_person_use(console: Client, owner: User, research: Team, dataset: DataSet) -> None:
    DataSet.objects.update(bytes=12_000_000)
    Quota.objects.create(team=research, storage=50 * 10**9, device_hours=20, runs_at_once=3)
    listed = text(console.get("/admin/runs/quota/"))
    assert all(words in listed for words in ("12.0 MB of 50.0 GB", "0.0 of 20 h", "0 of 3"))
    quota = Quota.objects.get()
    for path in (f"quota/{quota.pk}", f"team/{research.pk}", f"user/{owner.pk}"):
        assert "12.0 MB" in text(console.get(f"/admin/runs/{path}/change/")), path
