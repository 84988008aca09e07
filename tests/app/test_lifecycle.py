"""A run is asked for, made once, seen by those who may, canceled, deleted."""

import threading
from typing import Any

import pytest
from django.db import close_old_connections, connection

from runs import wiring
from runs.contract.events import EventType, Phase
from runs.models import AuditEntry, BaseModel, DataSet, Role, Run, RunStatus, User
from runs.services import access, dispatch, lifecycle
from runs.services.refused import (
    CannotCancel,
    CannotDelete,
    Invalid,
    KeyReused,
    LicenceNotAccepted,
    ModelUnavailable,
    NotAllowed,
    NotFound,
    UnknownData,
    UnknownModel,
)
from tests.app.conftest import Submit
from tests.fakes import FakeLauncher


def problems(fields: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        lifecycle.read_request(fields)
    return {problem.field: problem.message for problem in refused.value.problems}


def test_a_new_run_waits_with_a_name_a_timeline_and_an_entry_in_the_audit_log(run: Run, owner: User) -> None:
    assert run.status == RunStatus.PENDING
    assert run.name.startswith("chat-tiny-chat-")
    assert run.register_to == f"main.default.{run.name}"
    assert run.experiment_path == f"/Users/owner@example.org/{run.name}"
    assert [event.type for event in run.events.all()] == [EventType.CREATED]
    assert AuditEntry.objects.get(action="run.create").who == owner


def test_what_was_asked_for_is_kept_as_it_was_said_and_nothing_else(submit: Submit) -> None:
    run = submit(training_duration="3ep", learning_rate=0.5)
    said = {"training_duration": "3ep", "learning_rate": 0.5}
    assert run.request == {"model": "test/tiny-chat", "train_data_path": "sums", "register_to": "main.default", **said}
    assert run.asked.batch_size == 8


def test_a_registered_name_of_three_parts_is_kept(submit: Submit) -> None:
    assert submit(register_to="main.default.helpdesk.v2").register_to == "main.default.helpdesk.v2"


def test_every_bad_field_is_named_at_once_in_words(asked: dict[str, Any]) -> None:
    found = problems(
        {**asked, "training_duration": "banana", "learning_rate": -1, "register_to": "helpdesk", "batch_size": "x", "colour": 1}
    )
    assert set(found) == {"training_duration", "learning_rate", "register_to", "batch_size", "colour"}
    assert "banana" in found["training_duration"]
    assert found["learning_rate"] == "This must be more than 0."
    assert found["colour"] == "There is no such setting."
    assert "catalog.schema" in found["register_to"]


def test_nothing_asked_for_names_the_required_fields() -> None:
    assert problems({}) == dict.fromkeys(("model", "train_data_path", "register_to"), "This is required.")


@pytest.mark.parametrize("value", ["1e999", float("nan"), float("inf"), 10**400, True, [], {}, None])
def test_a_batch_size_that_is_no_count_is_refused(asked: dict[str, Any], value: object) -> None:
    assert problems({**asked, "batch_size": value}).keys() == {"batch_size"}


def test_rules_that_need_the_catalog_are_reported_together(submit: Submit, dataset: DataSet) -> None:
    with pytest.raises(Invalid) as refused:
        submit(context_length=4_096, train_data_path="nowhere", eval_data_path="nothing")
    assert {problem.field for problem in refused.value.problems} == {"context_length", "train_data_path", "eval_data_path"}
    assert "2,048" in refused.value.problems[0].message
    assert not Run.objects.exists()


def test_a_model_that_is_not_in_the_catalog(submit: Submit) -> None:
    with pytest.raises(UnknownModel, match="meta/none"):
        submit(model="meta/none")


def test_a_model_whose_weights_are_not_here_says_where_to_put_them(submit: Submit, base_model: BaseModel) -> None:
    base_model.folder = "/nowhere/at/all"
    base_model.save()
    with pytest.raises(ModelUnavailable, match="/nowhere/at/all"):
        submit()


def test_a_licence_must_be_accepted_first_and_again_when_its_text_changes(
    submit: Submit, base_model: BaseModel, owner: User
) -> None:
    base_model.licence.acceptances.filter(user__username="owner").delete()
    with pytest.raises(LicenceNotAccepted, match="Open licence"):
        submit()
    access.accept_licence(licence=base_model.licence, by=owner)
    submit()
    base_model.licence.notice = "Another text."
    base_model.licence.save()
    with pytest.raises(LicenceNotAccepted):
        submit()


def test_data_for_another_task_are_refused_at_their_field(submit: Submit) -> None:
    with pytest.raises(Invalid, match="CHAT_COMPLETION") as refused:
        submit(task_type="CONTINUED_PRETRAIN")
    assert refused.value.problems[0].field == "train_data_path"


def test_a_viewer_starts_nothing(submit: Submit, viewer: User) -> None:
    with pytest.raises(NotAllowed):
        submit(by=viewer)


def test_the_same_key_makes_one_run(asked: dict[str, Any], owner: User, accepted: None) -> None:
    request = lifecycle.read_request(asked)
    first = lifecycle.submit(by=owner, asked=request, idempotency_key="k")
    assert lifecycle.submit(by=owner, asked=request, idempotency_key="k") == first
    assert Run.objects.count() == 1


def test_a_key_belongs_to_its_person(asked: dict[str, Any], owner: User, colleague: User, accepted: None) -> None:
    request = lifecycle.read_request(asked)
    first = lifecycle.submit(by=owner, asked=request, idempotency_key="k")
    assert lifecycle.submit(by=colleague, asked=request, idempotency_key="k") != first


def test_a_key_that_comes_back_with_other_settings_is_refused(asked: dict[str, Any], owner: User, accepted: None) -> None:
    first = lifecycle.submit(by=owner, asked=lifecycle.read_request(asked), idempotency_key="k")
    with pytest.raises(KeyReused, match=first.name):
        lifecycle.submit(by=owner, asked=lifecycle.read_request({**asked, "seed": 1}), idempotency_key="k")


@pytest.mark.django_db(transaction=True)
def test_a_double_click_makes_one_run(asked: dict[str, Any], owner: User, accepted: None) -> None:
    request, names, start = lifecycle.read_request(asked), [], threading.Barrier(4)

    def click() -> None:
        close_old_connections()
        start.wait()
        names.append(lifecycle.submit(by=owner, asked=request, idempotency_key="double").name)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 4
    assert len(set(names)) == Run.objects.count() == 1


def test_the_team_sees_a_run_and_strangers_do_not(
    run: Run, owner: User, colleague: User, viewer: User, stranger: User, admin: User
) -> None:
    for person in (owner, colleague, viewer, admin):
        assert lifecycle.find(by=person, name=run.name) == run
    with pytest.raises(NotFound):
        lifecycle.find(by=stranger, name=run.name)


def test_people_without_a_team_do_not_see_a_teams_runs(run: Run, db: None) -> None:
    loner = User.objects.create_user("loner")
    with pytest.raises(NotFound):
        lifecycle.find(by=loner, name=run.name)


def test_a_waiting_run_is_canceled_at_once(run: Run, owner: User) -> None:
    stopped = lifecycle.cancel(run=run, by=owner, reason="wrong file")
    assert (stopped.status, stopped.completed_at is not None) == (RunStatus.STOPPED, True)
    assert AuditEntry.objects.get(action="run.cancel").details == {"reason": "wrong file"}
    assert stopped.events.filter(type=EventType.CANCELED).count() == 1


def test_a_training_run_is_asked_to_stop_through_its_folder(run: Run, owner: User, launcher: FakeLauncher) -> None:
    dispatch.start_waiting()
    stopping = lifecycle.cancel(run=run, by=owner)
    assert stopping.status == RunStatus.TERMINATING
    assert wiring.run_folder(run.name).stop.exists()


def test_what_is_registering_stops_without_its_engine_which_is_gone(run: Run, owner: User, launcher: FakeLauncher) -> None:
    dispatch.start_waiting()
    run.refresh_from_db()
    run.move_to(RunStatus.RUNNING)
    run.phase = Phase.REGISTERING
    run.save()
    assert lifecycle.cancel(run=run, by=owner).status == RunStatus.STOPPED


def test_an_ended_run_cannot_be_canceled_again(run: Run, owner: User) -> None:
    lifecycle.cancel(run=run, by=owner)
    with pytest.raises(CannotCancel, match="already stopped"):
        lifecycle.cancel(run=run, by=owner)


def test_only_its_owner_and_admins_may_change_a_run(run: Run, colleague: User, viewer: User, admin: User, owner: User) -> None:
    for person in (colleague, viewer):
        with pytest.raises(NotAllowed):
            lifecycle.cancel(run=run, by=person)
        with pytest.raises(NotAllowed):
            lifecycle.delete(run=run, by=person)
    assert lifecycle.may_change(run, admin)
    owner.role = Role.VIEWER
    assert not lifecycle.may_change(run, owner)


def test_a_live_run_cannot_be_deleted(run: Run, owner: User) -> None:
    with pytest.raises(CannotDelete, match="Cancel it first"):
        lifecycle.delete(run=run, by=owner)


def test_a_deleted_run_is_gone_from_lists_and_disk_but_its_row_stays(
    run: Run, owner: User, launcher: FakeLauncher, django_capture_on_commit_callbacks: Any
) -> None:
    folder = wiring.run_folder(run.name)
    folder.create()
    lifecycle.cancel(run=run, by=owner)
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.delete(run=run, by=owner)
    assert not folder.path.exists()
    assert Run.objects.filter(pk=run.pk).exists()
    with pytest.raises(NotFound):
        lifecycle.find(by=owner, name=run.name)


def test_a_path_of_weights_leads_into_nobody_elses_run(submit: Submit, run: Run, stranger: User) -> None:
    access.accept_licence(licence=run.base_model.licence, by=stranger)
    Run.objects.filter(pk=run.pk).update(visibility="everyone")
    DataSet.objects.update(visibility="everyone")
    secret = submit(training_duration="2ep")
    model = wiring.run_folder(secret.name).model
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    wiring.run_folder(run.name).create()
    for way in (f"{run.name}/../../{secret.name}/model", f"{run.name}/{model}", f"{run.name}/{'x' * 300}"):
        with pytest.raises(UnknownData):
            submit(by=stranger, custom_weights_path=way)
