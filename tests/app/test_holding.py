"""Waiting runs of a model that is gone: held, moved to its replacement one by one or all at once, let go."""

from datetime import timedelta
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, Notice, Quota, Run, User
from runs.services import dispatch, lifecycle, moving, retirement, settling
from runs.services.refused import CannotMove, NotAllowed
from tests.app.conftest import Submit, caller, day_comes, retire, text
from tests.fakes import FakeEngine, FakeLauncher


def test_a_notice_leads_each_owner_to_their_own_held_runs_which_say_that_they_are(
    owner: User, colleague: User, admin: User, submit: Submit, base_model: BaseModel, client: Client
) -> None:
    mine, other = submit(), submit(by=colleague)
    retirement.retire(model=base_model, by=admin, on=timezone.localdate(), replacement=None, reason="Old.")
    path = Notice.objects.get(person=owner, title__contains="are held").path
    client.force_login(owner)
    page = text(client.get(path))
    assert mine.name in page
    assert other.name not in page
    assert "Held" in page


def test_a_held_run_is_not_started_even_if_the_schedule_is_late(
    run: Run, base_model: BaseModel, admin: User, launcher: FakeLauncher
) -> None:
    retire(base_model, admin, days=1)
    day_comes(base_model)
    assert dispatch.start_waiting() == []
    run.refresh_from_db()
    assert (run.status, bool(run.held), run.queue_position) == ("QUEUED", True, None)


def test_a_run_at_work_finishes_even_if_its_engine_is_lost(
    trained: tuple[Run, FakeEngine], base_model: BaseModel, admin: User
) -> None:
    run, _ = trained
    retire(base_model, admin)
    settling.requeue(run, "The engine was lost.")
    assert dispatch.start_waiting() == [run]


def test_owners_are_told_even_if_the_queue_held_their_runs_before_the_schedule_came(
    owner: User, submit: Submit, base_model: BaseModel, admin: User, launcher: FakeLauncher
) -> None:
    submit()
    retire(base_model, admin, days=1)
    with mock.patch("django.utils.timezone.localdate", return_value=timezone.localdate() + timedelta(days=1)):
        dispatch.start_waiting()
        assert Run.objects.get().held
        assert not Notice.objects.filter(title__contains="are held").exists()
        retirement.carry_out()
        retirement.carry_out()
    assert [notice.person for notice in Notice.objects.filter(title__contains="are held")] == [owner]
    console = Client()
    console.force_login(admin)
    assert "waiting, 1 of them held" in text(console.get("/admin/"))


def test_its_owner_moves_a_held_run_to_the_replacement_and_it_keeps_its_place(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, owner: User, colleague: User, launcher: FakeLauncher
) -> None:
    held, later = submit(learning_rate=3e-4), None
    dispatch.admit()
    later = submit(by=colleague, model=newer.name)
    dispatch.admit()
    retire(base_model, admin, replacement=newer)
    held.refresh_from_db()
    with pytest.raises(NotAllowed):
        moving.move(run=held, by=colleague)
    moved = moving.move(run=held, by=owner)
    held.refresh_from_db()
    assert (held.status, held.details) == ("STOPPED", f"Moved to {moved.name}, which trains Tiny chat.")
    assert (moved.base_model, moved.asked.learning_rate) == (newer, 3e-4)
    with pytest.raises(CannotMove):
        moving.move(run=held, by=owner)
    dispatch.admit()
    moved.refresh_from_db()
    later.refresh_from_db()
    assert (moved.queue_position, later.queue_position) == (1, 2)
    entry = AuditEntry.objects.get(action="run.move")
    assert (entry.before, entry.after) == ({"model": base_model.name}, {"model": newer.name, "run": moved.name})


def test_a_held_run_without_a_replacement_stays_until_its_owner_decides(
    run: Run, base_model: BaseModel, admin: User, owner: User
) -> None:
    retire(base_model, admin)
    run.refresh_from_db()
    with pytest.raises(CannotMove, match="No replacement was named"):
        moving.move(run=run, by=owner)
    lifecycle.cancel(run=run, by=owner)


@pytest.mark.parametrize("how", ["restore", "a later day"])
def test_what_was_held_waits_for_a_device_again(
    run: Run, base_model: BaseModel, admin: User, launcher: FakeLauncher, how: str
) -> None:
    retire(base_model, admin)
    if how == "restore":
        retirement.restore(model=base_model, by=admin, reason="Still needed.")
    else:
        retire(base_model, admin, days=30)
    run.refresh_from_db()
    assert run.held == ""
    assert dispatch.start_waiting() == [run]


def test_an_owner_moves_a_held_run_through_rest_and_on_its_page(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, owner: User, client: Client
) -> None:
    first, second = submit(), submit()
    retire(base_model, admin, replacement=newer)
    moved = caller(owner)("POST", f"runs/{first.name}/move", {})
    assert (moved.status_code, moved.json()["model"]) == (201, newer.name)
    client.force_login(owner)
    page = text(client.get(f"/runs/{second.name}/"))
    assert "Move to Tiny chat" in page
    done = client.post(f"/runs/{second.name}/move/", follow=True)
    assert f"{second.name} was moved" in text(done)


def test_all_that_a_person_has_of_it_is_moved_in_one_go_and_nobody_elses(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, owner: User, colleague: User, client: Client
) -> None:
    """Even where the quota is used up: a run and the one in its place never count both."""
    mine, theirs = [submit(), submit(learning_rate=3e-4)], submit(by=colleague)
    dispatch.admit()
    retire(base_model, admin, replacement=newer)
    Quota.objects.create(person=owner, runs_at_once=2)
    client.force_login(owner)
    asking = text(client.get(f"/base-models/{base_model.name}/held/"))
    assert "Move all 2" in asking
    assert theirs.name not in asking
    assert not Run.objects.filter(base_model=newer).exists(), "looking moves nothing"
    done = client.post(f"/base-models/{base_model.name}/held/", follow=True)
    assert "2 runs train Tiny chat now" in text(done)
    moved = Run.objects.filter(base_model=newer).order_by("queued_at")
    assert [run.asked.learning_rate for run in moved] == [None, 3e-4]
    places = Run.objects.filter(pk__in=[run.pk for run in mine]).order_by("queued_at").values_list("queued_at", flat=True)
    assert [run.queued_at for run in moved] == list(places)
    assert list(Run.objects.exclude(held="")) == [theirs]
    assert "None is held" in text(client.get(f"/base-models/{base_model.name}/held/"))


def test_a_run_that_is_refused_stays_held_and_keeps_no_other_back(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, owner: User, client: Client
) -> None:
    longer, fits = submit(context_length=2_048), submit()
    newer.max_context_length = 1_024
    newer.save()
    retire(base_model, admin, replacement=newer)
    answer = caller(owner)("POST", f"base-models/{base_model.name}/move-held", {})
    first, second = answer.json()["data"]
    assert (answer.status_code, answer.json()["left"]) == (200, 1)
    assert (first["run"], first["moved_to"], first["problems"][0]["field"]) == (longer.name, None, "context_length")
    assert (second["run"], second["problems"]) == (fits.name, [])
    assert Run.objects.get(name=second["moved_to"]).base_model == newer
    longer.refresh_from_db()
    assert (longer.status in ("PENDING", "QUEUED"), bool(longer.held)) == (True, True)
    client.force_login(owner)
    page = client.post(f"/base-models/{base_model.name}/held/")
    assert (page.status_code, "1,024" in text(page)) == (409, True)


def test_where_no_replacement_was_named_nothing_can_be_moved(
    run: Run, base_model: BaseModel, admin: User, owner: User, viewer: User, client: Client
) -> None:
    retire(base_model, admin)
    answer = caller(owner)("POST", f"base-models/{base_model.name}/move-held", {}).json()
    assert (answer["left"], answer["data"][0]["problems"][0]["code"]) == (1, "cannot_move")
    assert caller(viewer)("POST", f"base-models/{base_model.name}/move-held", {}).status_code == 403
    client.force_login(owner)
    page = text(client.get(f"/base-models/{base_model.name}/held/"))
    assert "No replacement was named" in page
    assert "Move it" not in page
