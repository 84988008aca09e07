"""The admin console: who gets in, what needs attention, models and people changed with a trace."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from runs.contract.events import Fault
from runs.models import AuditEntry, BaseModel, Licence, Run, User
from runs.services import retirement, settling, verifying
from tests.app.conftest import Submit, text
from tests.tiny import write_tiny_model

PAGES = [
    "basemodel",
    "licence",
    "licenceacceptance",
    "user",
    "team",
    "apitoken",
    "run",
    "dataset",
    "modelversion",
    "auditentry",
]


def test_anonymous_people_are_sent_to_the_one_login_page(client: Client, db: None) -> None:
    answer = client.get("/admin/runs/run/")
    assert answer.status_code == 302
    assert "/admin/login" in answer.headers["Location"] or "next=" in answer.headers["Location"]


@pytest.mark.parametrize(
    "page", ["", *[f"runs/{name}/" for name in PAGES], "runs/basemodel/retire/?family=Tiny", "runs/basemodel/add/"]
)
def test_nobody_but_admins_gets_in(client: Client, page: str, owner: User, viewer: User, base_model: BaseModel) -> None:
    for person in (owner, viewer):
        client.force_login(person)
        answer = client.get(f"/admin/{page}", follow=True)
        assert answer.status_code == 403


def test_even_a_staff_flag_set_behind_our_back_opens_nothing(client: Client, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    client.force_login(owner)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_searches_and_offers_no_deletion(console: Client, page: str, run: Run) -> None:
    answer = console.get(f"/admin/runs/{page}/?q=tiny")
    assert answer.status_code == 200
    assert "delete_selected" not in text(answer)


@pytest.mark.parametrize("row", ["run", "base_model", "dataset", "owner", "licence"])
def test_nothing_with_a_history_can_be_deleted(console: Client, row: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(row)
    url = f"/admin/runs/{found._meta.model_name}/{found.pk}/"
    assert console.get(url + "change/").status_code == 200
    assert console.post(url + "delete/", {"post": "yes"}).status_code == 403
    assert type(found).objects.filter(pk=found.pk).exists()


def test_nobody_writes_the_audit_log_by_hand(console: Client, run: Run) -> None:
    entry = AuditEntry.objects.first()
    assert entry
    assert console.get("/admin/runs/auditentry/add/").status_code == 403
    assert console.post(f"/admin/runs/auditentry/{entry.pk}/change/", {"action": "nothing"}).status_code == 403
    assert console.post(f"/admin/runs/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "run.create" in text(console.get("/admin/runs/auditentry/?q=run.create"))


def test_the_front_page_says_what_needs_attention(console: Client, submit: Submit, base_model: BaseModel) -> None:
    submit()
    failed = submit()
    settling.fail(failed, Fault.MEMORY, "The machine ran out of memory.", "Choose a shorter context.")
    base_model.retires_on = timezone.localdate() + timedelta(days=5)
    base_model.save()
    page = text(console.get("/admin/"))
    assert re.search(r"<b>1</b>\s*<span[^>]*>waiting", page)
    assert re.search(r"<b>1</b><span[^>]*>failed", page)
    assert "The machine ran out of memory." in page
    assert f"until {base_model.retires_on:%-d %b %Y}" in page
    assert "free of" in page
    assert "run.create" in page


def test_the_console_keeps_the_content_security_policy(console: Client, base_model: BaseModel) -> None:
    for url in (
        "",
        "runs/basemodel/",
        f"runs/basemodel/{base_model.pk}/change/",
        f"runs/basemodel/retire/?model={base_model.pk}",
    ):
        answer = console.get(f"/admin/{url}")
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert " style=" not in text(answer)
        assert "onclick=" not in text(answer)


SHAPE = '{"layers": 2, "hidden": 64, "heads": 4, "kv_heads": 2, "intermediate": 128, "vocab": 500}'


def model_form(licence: Licence, **changes: Any) -> dict[str, Any]:
    return {
        "name": "acme/small-1", "display_name": "Small", "family": "Acme", "parameters": 10, "max_context_length": 512,
        "task_types": ["CHAT_COMPLETION"], "licence": licence.pk, "folder": "", "defaults": '{"learning_rate": 0.0005}',
        "architecture": SHAPE, "enabled": "on", **changes,
    }  # fmt: skip


def test_an_admin_adds_a_base_model_by_saying_where_it_is(
    console: Client, licence: Licence, admin: User, tmp_path: Path
) -> None:
    folder = str(write_tiny_model(tmp_path / "tiny"))
    where = {"folder": folder, "licence": licence.key}
    shown = text(console.post("/admin/runs/basemodel/add/", {**where, "do": "read"}))
    assert "What its own files say" in shown
    assert "there, and it renders" in shown
    assert not BaseModel.objects.exists(), "nothing is kept before it is confirmed"
    said = {"name": "acme/tiny", "display_name": "Tiny", "family": "Acme", "task_types": ["CHAT_COMPLETION"]}
    assert console.post("/admin/runs/basemodel/add/", {**where, **said, "do": "add"}).status_code == 302
    model = BaseModel.objects.get(name="acme/tiny")
    assert (model.task_types, model.folder, model.enabled) == (["CHAT_COMPLETION"], folder, True)
    assert model.parameters > 0
    assert AuditEntry.objects.get(action="model.add").who == admin


def test_a_volume_is_a_place_for_a_base_model(
    console: Client, licence: Licence, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", tmp_path)
    folder = "/Volumes/main/models/tiny"
    write_tiny_model(tmp_path / "main/models/tiny")
    said = {"name": "acme/tiny", "display_name": "Tiny", "family": "Acme", "task_types": ["CHAT_COMPLETION"]}
    given = {"folder": folder, "licence": licence.key, **said, "do": "add"}
    assert console.post("/admin/runs/basemodel/add/", given).status_code == 302
    assert verifying.health(BaseModel.objects.get()) == verifying.Health.HERE
    out = console.post("/admin/runs/basemodel/add/", {**given, "name": "acme/out", "folder": "/Volumes/main/../../etc"})
    assert out.status_code == 422
    assert "may not contain" in text(out)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Name an id or a folder"),
        ({"folder": "models/x"}, "Write the whole path"),
        ({"folder": "/nowhere/x"}, "There is no config.json in x"),
        ({"folder": "/nowhere/x", "hub_id": "a/b"}, "one of the two"),
        ({"folder": "/nowhere/x", "name": "../../etc", "do": "add"}, "<organisation>/<model>"),
    ],
)
def test_a_place_without_a_model_is_refused_at_its_field(
    console: Client, licence: Licence, given: dict[str, str], words: str
) -> None:
    answer = console.post("/admin/runs/basemodel/add/", {"licence": licence.key, "do": "read", **given})
    assert answer.status_code == 422
    assert words in text(answer)
    assert not BaseModel.objects.exists()


def test_only_what_is_in_order_is_switched_on_by_hand(console: Client, base_model: BaseModel, tmp_path: Path) -> None:
    BaseModel.objects.update(enabled=False)
    url, given = f"/admin/runs/basemodel/{base_model.pk}/change/", model_form(base_model.licence)
    refused = console.post(url, given)
    assert refused.status_code == 422
    assert "It cannot be switched on" in text(refused)
    assert not BaseModel.objects.get().enabled
    folder = write_tiny_model(tmp_path / "tiny")
    assert console.post(url, {**given, "folder": str(folder), "max_context_length": 64}).status_code == 302
    assert BaseModel.objects.get().enabled


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("defaults", '{"learning_rate": -1}', "learning_rate: This must be more than 0."),
        ("defaults", '{"colour": 1}', "There is no such setting."),
        ("defaults", "[1]", "Write a JSON object"),
        ("defaults", "{", "Enter a valid JSON"),
        ("task_types", ["DANCING"], "not one of the available choices"),
        ("folder", "models/x", "Write the whole path"),
        ("folder", "/nowhere/x", "There is no config.json in x"),
        ("parameters", "-5", "greater than or equal to 0"),
        ("architecture", "{}", "layers: This is required."),
        ("architecture", '{"layers": "many"}', "layers: This must be a whole number."),
    ],
)
def test_a_base_model_that_makes_no_sense_is_refused_at_its_field(
    console: Client, base_model: BaseModel, field: str, value: object, words: str
) -> None:
    url = f"/admin/runs/basemodel/{base_model.pk}/change/"
    answer = console.post(url, model_form(base_model.licence, **{field: value}))
    assert words in text(answer)
    assert BaseModel.objects.get().display_name == "Tiny chat"


def test_a_change_is_audited_and_the_name_stays(console: Client, base_model: BaseModel) -> None:
    given = model_form(base_model.licence, name="another/name", family="Giants")
    assert console.post(f"/admin/runs/basemodel/{base_model.pk}/change/", given).status_code == 302
    base_model.refresh_from_db()
    assert (base_model.name, base_model.family) == ("test/tiny-chat", "Giants")
    assert AuditEntry.objects.get(action="model.change").after["family"] == "Giants"


def test_retiring_shows_the_impact_first_and_then_does_it(
    console: Client, run: Run, base_model: BaseModel, admin: User
) -> None:
    page = console.get(f"/admin/runs/basemodel/retire/?model={base_model.pk}")
    counts = re.findall(r'<td class="num" data-label="[^"]+">(\d+)</td>', text(page))
    assert counts == ["1", "0", "0", "0", "0", "1"], "waiting, paused, at work, drafts, versions, people"
    assert f'value="{retirement.default_date():%Y-%m-%d}"' in text(page)
    base_model.refresh_from_db()
    assert base_model.retires_on is None
    on = timezone.localdate() + timedelta(days=30)
    done = console.post(
        page.wsgi_request.get_full_path(), {"on": on.isoformat(), "replacement": "", "reason": "Too old."}, follow=True
    )
    assert "Retired on" in text(done)
    base_model.refresh_from_db()
    assert (base_model.retires_on, base_model.retirement_reason) == (on, "Too old.")
    assert AuditEntry.objects.get(action="model.retire").who == admin


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("reason", "", "required"),
        ("on", "2001-01-01", "This day is over"),
        ("on", "soon", "valid date"),
        ("replacement", "999", "valid choice"),
        ("reason on", "", "This day is over"),
        ("reason on", "", "required"),
    ],
)
def test_a_retirement_that_makes_no_sense_changes_nothing(
    console: Client, base_model: BaseModel, field: str, value: str, words: str
) -> None:
    given = {"on": retirement.default_date().isoformat(), "reason": "Old.", "replacement": "", field: value}
    if field == "reason on":  # all that is wrong is said at once
        given |= {"reason": "", "on": "2001-01-01"}
    answer = console.post(f"/admin/runs/basemodel/retire/?model={base_model.pk}", given)
    assert answer.status_code == 422
    assert words in text(answer)
    assert not BaseModel.objects.exclude(retires_on=None).exists()


def test_a_family_is_retired_in_one_go_through_the_list(console: Client, base_model: BaseModel) -> None:
    for number in (2, 3):
        BaseModel(**{**_values(base_model), "name": f"test/tiny-{number}"}).save()
    other = BaseModel(**{**_values(base_model), "name": "other/one", "family": "Other"})
    other.save()
    chosen = console.post("/admin/runs/basemodel/", {"action": "retire_families", "_selected_action": [base_model.pk]})
    assert chosen.status_code == 302
    given = {"on": timezone.localdate().isoformat(), "replacement": other.pk, "reason": "The end of Tiny."}
    console.post(chosen.headers["Location"], given)
    assert BaseModel.objects.retired().filter(family="Tiny", replacement=other).count() == 3
    assert AuditEntry.objects.filter(action="model.retire").count() == 3


def _values(model: BaseModel) -> dict[str, Any]:
    names = ("display_name", "family", "parameters", "max_context_length", "task_types", "licence")
    return {name: getattr(model, name) for name in names}


@pytest.mark.parametrize("query", ["", "?model=x", "?model=99999999999999999999", "?family=%00", "?model=-1"])
def test_retiring_nothing_leads_back_to_the_list(console: Client, query: str) -> None:
    assert "Choose the base models" in text(console.get(f"/admin/runs/basemodel/retire/{query}", follow=True))


def test_a_retirement_is_undone_with_a_reason(console: Client, base_model: BaseModel, admin: User) -> None:
    retirement.retire(model=base_model, by=admin, on=timezone.localdate(), replacement=None, reason="Old.")
    url = f"/admin/runs/basemodel/{base_model.pk}/restore/"
    assert console.post(url, {"reason": ""}).status_code == 422
    assert "on offer again" in text(console.post(url, {"reason": "Still needed."}, follow=True))
    assert BaseModel.objects.offered().filter(pk=base_model.pk).exists()
    assert console.post(url, {"reason": "Twice."}).status_code == 422
