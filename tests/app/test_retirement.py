"""A base model's end: announced, carried out on its day, undone."""

from datetime import datetime, time, timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, Draft, ModelVersion, Notice, Run, User
from runs.models.catalog import State
from runs.services import dispatch, drafts, impacts, notices, retirement
from runs.services.refused import CannotRetire, ModelDeprecated, ModelRetired, NotAllowed
from tests.app.conftest import Submit, caller, day_comes, retire, text
from tests.fakes import FakeLauncher


def test_after_notice_those_who_use_a_model_go_on_and_nobody_begins(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, colleague: User
) -> None:
    submit()
    retire(base_model, admin, days=1, replacement=newer)
    assert base_model.state == State.DEPRECATED
    assert submit()
    with pytest.raises(ModelDeprecated, match=r"nobody begins with it any more\. Use test/tiny-chat-2 instead") as refused:
        submit(by=colleague)
    facts = refused.value.problems[0].facts
    assert (facts["retires_on"], facts["replacement"]) == (base_model.retires_on.isoformat(), newer.name)


def test_from_its_day_on_it_is_refused_and_the_replacement_named(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User
) -> None:
    existing = submit()
    retire(base_model, admin, replacement=newer)
    assert base_model not in BaseModel.objects.offered()
    with pytest.raises(ModelRetired, match="Use test/tiny-chat-2 instead"):
        submit()
    existing.refresh_from_db()
    assert existing.held.startswith("Tiny chat was retired on")


def test_three_months_notice_unless_said_otherwise() -> None:
    assert retirement.default_date() == timezone.localdate() + timedelta(days=90)


def test_the_impact_names_what_depends_on_the_model(
    submit: Submit, base_model: BaseModel, newer: BaseModel, owner: User, colleague: User, stranger: User
) -> None:
    first, tuned = submit(), submit(by=colleague)
    version = ModelVersion.objects.create(run=tuned, name="main.default.m", version=1, uri="models:/main.default.m/1")
    draft = drafts.keep(draft=Draft(owner=stranger, values={}), by=stranger, values={"model": base_model.name})
    found = impacts.impact(base_model)
    assert (found.waiting, found.running, found.drafts, found.versions) == ([first, tuned], [], [draft], [version])
    assert set(found.people) == {owner, colleague, stranger}
    assert impacts.impact(newer) == impacts.Impact([], [], [], [], [], [])


def test_only_an_admin_retires_and_restores(base_model: BaseModel, owner: User) -> None:
    with pytest.raises(NotAllowed):
        retire(base_model, owner)
    with pytest.raises(NotAllowed):
        retirement.restore(model=base_model, by=owner, reason="x")


def test_replacements_must_outlive_what_they_replace(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire, match="replace itself"):
        retire(base_model, admin, replacement=base_model)
    retire(newer, admin, days=10)
    with pytest.raises(CannotRetire, match="gone by then"):
        retire(base_model, admin, days=20, replacement=newer)
    assert retire(base_model, admin, days=5, replacement=newer).replacement == newer


def test_a_replacement_that_is_switched_off_helps_nobody(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    newer.enabled = False
    newer.save()
    with pytest.raises(CannotRetire, match="switched off"):
        retire(base_model, admin, replacement=newer)


def test_a_day_that_is_over_and_an_empty_reason_are_refused(base_model: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire, match="This day is over"):
        retire(base_model, admin, days=-1)
    with pytest.raises(CannotRetire, match="Say why"):
        retire(base_model, admin, reason="  ")
    with pytest.raises(CannotRetire) as refused:
        retire(base_model, admin, days=-1, reason="", replacement=base_model)
    assert [problem.field for problem in refused.value.problems] == ["reason", "on", "replacement"], "all at once"


def test_of_a_family_all_or_none_are_retired(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire):
        retirement.retire_all(
            models=[base_model, newer], by=admin, on=timezone.localdate(), replacement=newer, reason="The family goes."
        )
    assert not BaseModel.objects.retired().exists()
    assert not AuditEntry.objects.filter(action="model.retire").exists()


def test_a_restored_model_is_as_before(submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    retire(base_model, admin, replacement=newer)
    retirement.restore(model=base_model, by=admin, reason="Still needed.")
    base_model.refresh_from_db()
    assert (base_model.retires_on, base_model.replacement, base_model.retirement_reason) == (None, None, "")
    assert submit()
    with pytest.raises(CannotRetire, match="not retired"):
        retirement.restore(model=base_model, by=admin, reason="Again.")


def test_on_the_day_it_happens_once_even_if_nobody_is_there(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, launcher: FakeLauncher
) -> None:
    waiting = submit()
    retire(base_model, admin, days=1, replacement=newer)
    day_comes(base_model)
    assert retirement.carry_out() == [base_model]
    assert retirement.carry_out() == []
    assert AuditEntry.objects.get(action="model.retired").who is None
    waiting.refresh_from_db()
    assert "Move it to Tiny chat" in waiting.details
    assert dispatch.start_waiting() == []


def test_the_day_begins_at_midnight_where_the_organisation_is(base_model: BaseModel, admin: User) -> None:
    retire(base_model, admin, days=1)
    midnight = datetime.combine(base_model.retires_on, time(0), tzinfo=ZoneInfo("UTC"))
    for zone, gone in (("Pacific/Auckland", True), ("America/Los_Angeles", False)):
        with timezone.override(zone), mock.patch("django.utils.timezone.now", return_value=midnight - timedelta(hours=1)):
            assert base_model.is_retired is gone, zone


def test_people_are_told_in_the_app_and_by_mail(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User, owner: User, stranger: User, client: Client
) -> None:
    submit()
    retire(base_model, admin, days=90, replacement=newer, reason="Its successor is better")
    day_comes(base_model)
    retirement.carry_out()
    BaseModel.objects.get(pk=base_model.pk)
    retirement.restore(model=BaseModel.objects.get(pk=base_model.pk), by=admin, reason="A customer needs it.")
    assert not Notice.objects.exclude(person=owner).exists()
    assert notices.post() == 3
    assert notices.post() == 0
    gone, held, stays = mail.outbox
    assert (gone.to, "leaves on" in gone.subject) == (["owner@example.org"], True)
    assert "Its successor is better. Use Tiny chat instead." in gone.body
    assert f"/base-models/{base_model.name}/" in gone.body
    assert "Your waiting runs of it are held" in held.body
    assert "1 held run waits for a device again" in stays.body
    client.force_login(owner)
    assert "3 new" in text(client.get("/"))
    assert "Tiny chat stays" in text(client.get("/notices/"))
    assert " new</span>" not in text(client.get("/"))


def test_a_mail_server_that_is_away_loses_no_notice(
    run: Run, base_model: BaseModel, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    retire(base_model, admin, days=90)
    with monkeypatch.context() as away:
        away.setattr(notices, "send_mail", mock.Mock(side_effect=ConnectionRefusedError))
        assert notices.post() == 0
    assert notices.post() == 1


def test_each_door_refuses_with_code_date_and_replacement_in_its_shape(
    run: Run, asked: dict[str, Any], base_model: BaseModel, newer: BaseModel, admin: User, owner: User, client: Client
) -> None:
    draft = drafts.keep(draft=Draft(owner=owner, values={}), by=owner, values={**asked, "task_type": "CHAT_COMPLETION"})
    retire(base_model, admin, replacement=newer)
    today, call = timezone.localdate(), caller(owner)
    facts = {"state": "retired", "retires_on": today.isoformat(), "replacement": newer.name, "reason": "Too old."}
    sentence = f"test/tiny-chat was retired on {today:%d %b %Y}. Use test/tiny-chat-2 instead."

    rest = call("POST", "runs", asked)
    assert (rest.status_code, rest.json()["code"], rest.json()["detail"]) == (409, "model_retired", sentence)
    assert rest.json()["problems"][0]["facts"] == facts

    config = {"model": base_model.name, "trainDataPath": asked["train_data_path"], "taskType": "CHAT_COMPLETION"}
    config["experimentTracker"] = {"mlflow": {"modelRegistryPath": "main.sch", "experimentPath": ""}}
    body = {"query": "mutation C { createFinetune { id } }", "variables": {"createFinetuneData": {"config": config}}}
    (error,) = call("POST", "http://testserver/api/2.0/genai-mapi/graphql", body).json()["errors"]
    assert error["message"] == f"model: {sentence}"
    assert error["extensions"] == {"code": 400, "reason": "model_retired", "model": facts}
    body = {"query": "query M { getFinetuneConstants { models { name } } }"}
    offered = call("POST", "http://testserver/api/2.0/genai-mapi/graphql", body).json()["data"]["getFinetuneConstants"]
    assert [model["name"] for model in offered["models"]] == [newer.name]

    assert [one["id"] for one in call("GET", "http://testserver/v1/models").json()["data"]] == [newer.name]

    client.force_login(owner)
    page = client.get(f"/runs/new/{draft.key}/training/", follow=True)
    assert page.redirect_chain, "the draft needs another model first"
    assert f"was retired on {today:%-d %b %Y}" in text(page)
    assert f'value="{newer.name}"' in text(page)


def test_admins_retire_and_restore_through_rest(run: Run, base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    call, address = caller(admin), f"base-models/{base_model.name}"
    assert call("GET", f"{address}/impact").json()["waiting"] == [run.name]
    answer = call("PUT", f"{address}/retirement", {"reason": "Old.", "replacement": newer.name}).json()
    assert (answer["state"], answer["retires_on"]) == ("deprecated", retirement.default_date().isoformat())
    assert call("POST", f"{address}/restore", {"reason": "Needed."}).json()["state"] == "active"
    family = call("PUT", "base-model-families/Tiny/retirement", {"reason": "The end.", "on": timezone.localdate().isoformat()})
    assert {model["state"] for model in family.json()["data"]} == {"retired"}
    assert caller(run.owner)("PUT", f"{address}/retirement", {"reason": "x"}).status_code == 403
    assert caller(run.owner)("GET", f"{address}/impact").status_code == 403


def test_runs_of_a_retired_model_stay_with_their_settings(run: Run, base_model: BaseModel, admin: User) -> None:
    retire(base_model, admin)
    run.refresh_from_db()
    assert run.asked.model == base_model.name
