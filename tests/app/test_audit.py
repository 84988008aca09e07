"""The audit log: only ever added to, chained so that tampering shows, and with every refused attempt in it."""

import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from finetuning_ui.marking import RequestNumber
from runs import wiring
from runs.contract.spec import TaskType
from runs.models import AuditEntry, AuditHead, BaseModel, Refusals, Run, User
from runs.models.digest import linked
from runs.services import chain, flood
from runs.services import seals as keeping
from runs.services.audit import record
from tests.app.conftest import Call, Submit, caller, text

Sql = Callable[[str], None]


@pytest.fixture(autouse=True)
def seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "audit" / "seals.txt"
    monkeypatch.setattr(wiring, "audit_seals", lambda: path)
    return path


def commit() -> None:
    """What the database does at the end of a transaction, which a test's own never reaches."""
    connection.check_constraints()


@pytest.fixture
def log(admin: User) -> list[AuditEntry]:
    """Five entries in the chain."""
    for number in range(1, 6):
        record("test.write", f"thing {number}", by=admin, before={"size": number}, after={"size": number + 0.5}, why="because")
    commit()
    return list(AuditEntry.objects.order_by("number"))


@pytest.fixture
def tamper(db: None) -> Sql:
    """SQL by somebody who owns the database and has switched the guards off."""

    def run(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql)
            cursor.execute("SET LOCAL session_replication_role = origin")

    return run


@pytest.mark.parametrize("table", ["runs_auditentry", "runs_audithead"])
@pytest.mark.parametrize(
    "sql", ["UPDATE {} SET number = number + 2", "UPDATE {} SET hash = ''", "DELETE FROM {}", "TRUNCATE {}"]
)
def test_the_database_refuses_to_change_or_remove_an_entry(log: list[AuditEntry], sql: str, table: str) -> None:
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(table))
    assert chain.verify().broken is None


def test_each_entry_follows_from_the_one_before(log: list[AuditEntry]) -> None:
    assert [entry.number for entry in log] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry in log[1:]] == [entry.hash for entry in log[:-1]]
    assert chain.verify() == chain.Verdict(entries=5, head=f"5:{log[-1].hash}", seals=0, broken=None)


SAME = "time, name, action, outcome, door, address, request_id, before, after, details, digest, previous"
COPY = "INSERT INTO runs_auditentry (number, target, hash, {0}) SELECT {{}}, 'forged', {{}}, {0} FROM runs_auditentry LIMIT 1"
COPY = COPY.format(SAME)
SET = "UPDATE runs_auditentry SET number ="
EDITS = {
    "action = 'run.delete'": 3,
    "target = 'another'": 3,
    "who_id = NULL, name = ''": 3,
    "name = 'somebody else'": 3,
    "time = time - interval '1 second'": 3,
    "details = '{}'": 3,
    "before = '{\"size\": 4}'": 3,
    "after = '{\"size\": 3.50001}'": 3,
    "outcome = 'refused'": 3,
    "address = '10.0.0.1'": 3,
    "digest = repeat('a', 64)": 3,
    "hash = repeat('a', 64)": 3,
}


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        *[(f"UPDATE runs_auditentry SET {change} WHERE number = 3", first) for change, first in EDITS.items()],
        ("DELETE FROM runs_auditentry WHERE number = 1", 1),
        ("DELETE FROM runs_auditentry WHERE number = 3", 3),
        ("DELETE FROM runs_auditentry WHERE number IN (2, 3)", 2),
        ("DELETE FROM runs_auditentry WHERE number = 5", 5),
        ("TRUNCATE runs_auditentry", 1),
        (f"DELETE FROM runs_auditentry WHERE number = 3; {SET} number - 1 WHERE number > 3", 3),
        (f"{SET} 9 WHERE number = 2; {SET} 2 WHERE number = 3; {SET} 3 WHERE number = 9", 2),
        (COPY.format("NULL", "''"), 6),
        (COPY.format("6", "repeat('b', 64)"), 6),
        ("UPDATE runs_audithead SET number = 4, hash = (SELECT hash FROM runs_auditentry WHERE number = 4)", 5),
        ("UPDATE runs_audithead SET hash = repeat('c', 64)", 5),
        ("TRUNCATE runs_audithead", 1),
    ],
)  # fmt: skip
def test_whoever_gets_past_the_guard_leaves_a_trace(log: list[AuditEntry], tamper: Sql, sql: str, first: int) -> None:
    tamper(sql)
    broken = chain.verify().broken
    assert broken is not None
    assert broken.number == first, broken.what
    with pytest.raises(CommandError, match=f"broken at entry {first}"):
        call_command("verify_audit")


def test_an_end_cut_off_together_with_the_head_shows_against_a_seal(log: list[AuditEntry], tamper: Sql) -> None:
    assert keeping.seal() == f"5:{log[-1].hash}"
    assert keeping.seal() is None, "nothing new to seal"
    cut = "DELETE FROM runs_auditentry WHERE number = 5; UPDATE runs_audithead SET number = 4, hash = '{}'"
    tamper(cut.format(log[3].hash))
    broken = chain.verify().broken
    assert broken is not None
    assert "a seal kept outside the database says that there were 5" in broken.what


def test_an_end_cut_off_after_the_last_seal_shows_against_a_head_kept_elsewhere(log: list[AuditEntry], tamper: Sql) -> None:
    kept = keeping.head()
    tamper(f"DELETE FROM runs_auditentry WHERE number = 5; UPDATE runs_audithead SET number = 4, hash = '{log[3].hash}'")
    assert chain.verify().broken is None, "the database alone cannot tell"
    with pytest.raises(CommandError, match="broken at entry 5"):
        call_command("verify_audit", "--expect", kept)


def test_a_chain_made_anew_from_the_middle_on_shows_against_a_seal(log: list[AuditEntry], tamper: Sql) -> None:
    """By somebody who knows the sums: entry 3 is gone, and all after it follow from entry 2."""
    keeping.seal()
    tamper("DELETE FROM runs_auditentry WHERE number = 3")
    previous = log[1].hash
    for number, entry in enumerate(log[3:], start=3):
        link = linked(number, previous, entry.digest)
        tamper(f"UPDATE runs_auditentry SET number = {number}, previous = '{previous}', hash = '{link}' WHERE id = {entry.pk}")
        previous = link
    record("test.write", "one more", by=None)
    tamper(f"UPDATE runs_audithead SET number = 4, hash = '{previous}'")
    commit()
    broken = chain.verify().broken
    assert broken is not None
    assert (broken.number, "written anew" in broken.what) == (5, True)


def test_a_seal_that_is_not_ours_is_named(log: list[AuditEntry], seals: Path) -> None:
    keeping.seal()
    seals.write_text(seals.read_text().replace("5:", "4:"))
    with pytest.raises(CommandError, match="broken at its seals"):
        call_command("verify_audit")


def test_an_earlier_key_still_verifies(log: list[AuditEntry], settings: Any) -> None:
    keeping.seal()
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another key, which is as long as a key has to be, at least 50"
    assert chain.verify().broken is not None
    settings.SECRET_KEY_FALLBACKS = [before]
    assert chain.verify().broken is None


def test_any_value_is_read_back_as_it_was_written(admin: User) -> None:
    odd = [0.1, 1e-9, -0.0, 1e300, float("nan"), 2**70, "ä€😀", "a\x00b", "\ud800", "", None, True, {"k": [1, {"z": 2.0}]}]
    record("test.write", "odd\x00 values", by=admin, after={"odd": [*odd, TaskType.CHAT_COMPLETION, admin]}, long="x" * 10_000)
    commit()
    assert chain.verify().broken is None
    assert AuditEntry.objects.get().after["odd"][-2:] == ["CHAT_COMPLETION", "admin"]


@pytest.mark.django_db(transaction=True)
def test_entries_written_at_the_same_moment_form_one_chain() -> None:
    def write(writer: int) -> None:
        for number in range(10):
            with transaction.atomic():
                record("test.write", f"{writer}-{number}", by=None)
                record("test.write", f"{writer}-{number} again", by=None)
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    verdict = chain.verify()
    assert (verdict.entries, verdict.broken) == (120, None)


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_entry_and_no_gap() -> None:
    record("test.write", "kept", by=None)
    with transaction.atomic():
        record("test.write", "not kept", by=None)
        transaction.set_rollback(True)
    record("test.write", "kept too", by=None)
    assert list(AuditEntry.objects.order_by("number").values_list("number", "target")) == [(1, "kept"), (2, "kept too")]
    head = AuditHead.objects.get()
    assert (head.number, chain.verify().broken) == (2, None)


def last() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def test_a_write_says_who_from_where_through_which_door_and_under_which_number(api: Call, run: Run, owner: User) -> None:
    answer = api("POST", f"runs/{run.name}/cancel", {"reason": "wrong file"}, **{"X-Request-ID": "my-own-number-7"})
    assert answer.headers["X-Request-ID"] == "my-own-number-7"
    entry = last()
    assert (entry.who, entry.name, entry.action, entry.outcome) == (owner, "owner", "run.cancel", "done")
    assert (entry.door, entry.address, entry.request_id) == ("rest", "127.0.0.1", "my-own-number-7")
    assert (entry.before, entry.details) == ({"status": "PENDING"}, {"reason": "wrong file"})


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space in it", "a\r\nSet-Cookie: b=c"])
def test_a_request_number_that_could_do_harm_is_replaced(client: Client, db: None, given: str) -> None:
    answer = client.get("/login/", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_a_log_line_carries_the_number_of_its_request(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(*_: object) -> None:
        line = logging.makeLogRecord({})
        RequestNumber().filter(line)
        seen.append(line.request_id)

    monkeypatch.setattr("django.contrib.auth.views.LoginView.get", look)
    client.raise_request_exception = False
    answer = client.get("/login/")
    assert seen == [answer.headers["X-Request-ID"]]
    about = logging.makeLogRecord({"request": answer.wsgi_request})
    RequestNumber().filter(about)
    assert about.request_id == seen[0], "as Django's own lines about an answer"  # type: ignore[attr-defined]


def test_every_refused_attempt_is_there_whichever_door_it_came_to(
    run: Run, stranger: User, colleague: User, viewer: User, console: Client, base_model: BaseModel
) -> None:
    browser = Client()
    browser.force_login(colleague)
    call = caller(colleague)
    before = AuditEntry.objects.filter(outcome="refused").count()

    browser.post(f"/runs/{run.name}/cancel/")
    call("POST", f"runs/{run.name}/cancel", {})
    caller(stranger)("DELETE", f"runs/{run.name}")
    Client().post("/api/v1/runs", "{}", content_type="application/json")
    Client().post("/api/2.0/genai-mapi/graphql", "{}", content_type="application/json")
    filters = {"filters": {"name": {"in": [run.name]}}}
    body = {"query": "mutation S { stopFinetunes { id } }", "variables": {"getFinetunesData": filters}}
    call("POST", "http://testserver/api/2.0/genai-mapi/graphql", body)
    call("PUT", "http://testserver/api/2.0/fs/files/Volumes/main/sch", {})
    call("POST", "http://testserver/v1/fine_tuning/jobs", {"model": "no-such"})
    console.post(f"/admin/runs/basemodel/{base_model.pk}/change/", {"display_name": ""})
    browser.post("/admin/runs/basemodel/retire/", {})
    Client(enforce_csrf_checks=True).post("/login/", {"username": "owner", "password": "x"})

    refused = AuditEntry.objects.filter(outcome="refused").order_by("pk")[before:]
    assert [(entry.door, entry.name, entry.details["status"]) for entry in refused] == [
        ("web", "colleague", 403),
        ("rest", "colleague", 403),
        ("rest", "stranger", 404),
        ("rest", "", 401),
        ("databricks", "", 401),
        ("databricks", "colleague", 200),
        ("databricks", "colleague", 400),
        ("openai", "colleague", 400),
        ("console", "admin", 422),
        ("console", "colleague", 302),
        ("web", "", 403),
    ]
    assert refused[1].details["problems"][0]["message"] == "Only its owner or an admin may cancel a run."
    assert refused[5].details["problems"][0]["code"] == "not_allowed"
    assert not run.is_terminal
    commit()
    assert chain.verify().broken is None


def test_reading_leaves_no_entry(api: Call, run: Run) -> None:
    before = AuditEntry.objects.count()
    api("GET", "runs/no-such-run")
    api("GET", "audit")
    assert AuditEntry.objects.count() == before


def test_log_ins_are_there_and_a_mistyped_name_is_not(client: Client, owner: User) -> None:
    client.post("/login/", {"username": "my secret password", "password": "x"})
    client.post("/login/", {"username": "owner", "password": "wrong"})
    entries = AuditEntry.objects.filter(action="login.fail").order_by("pk")
    assert [(entry.name, entry.target) for entry in entries] == [("", "an unknown name"), ("owner", "owner")]
    assert "my secret password" not in str(list(AuditEntry.objects.values()))
    client.force_login(owner)
    client.post("/logout/")
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))[-2:] == ["login", "logout"]


def test_an_admin_searches_and_downloads_it(admin: User, submit: Submit, owner: User) -> None:
    run = submit()
    commit()
    ask = caller(admin)
    found = ask("GET", "audit?q=test/tiny-chat&action=run.&who=owner&outcome=done").json()["data"]
    assert [(entry["action"], entry["target"]) for entry in found] == [("run.create", run.name)]
    assert found[0]["after"]["model"] == "test/tiny-chat"
    lines = b"".join(ask("GET", "audit.jsonl?action=run.create")).splitlines()
    assert [json.loads(line)["hash"] for line in lines] == [found[0]["hash"]]
    assert caller(owner)("GET", "audit").status_code == 403


def test_the_console_searches_filters_verifies_and_downloads_what_it_shows(console: Client, run: Run, admin: User) -> None:
    record("test.write", "something else", by=admin)
    commit()
    page = text(console.get("/admin/runs/auditentry/?q=tiny-chat"))
    assert "run.create" in page
    assert "something else" not in page
    lines = b"".join(console.get("/admin/runs/auditentry/export/?action=test.write")).splitlines()
    assert [json.loads(line)["target"] for line in lines] == ["something else"]
    assert "follow from one another" in text(console.get("/admin/runs/auditentry/verify/", follow=True))
    entry = AuditEntry.objects.get(action="run.create")
    one = text(console.get(f"/admin/runs/auditentry/{entry.pk}/change/"))
    assert "test/tiny-chat" in one
    assert entry.hash in one


def test_the_command_prints_the_head_and_exports_what_is_new(log: list[AuditEntry], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    assert capsys.readouterr().out == f"5:{log[-1].hash}\n"
    call_command("export_audit", "--after", "3")
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == [4, 5]


def test_nobody_makes_the_log_long(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the first of a minute is one entry a minute, and counted in full."""
    monkeypatch.setattr(flood, "FROM_ALL", 25)
    minute = timezone.now().replace(second=10)
    monkeypatch.setattr(flood.timezone, "now", lambda: minute)
    for address, times in (("192.0.2.1", 30), ("192.0.2.2", 10)):
        for _ in range(times):
            Client(REMOTE_ADDR=address).post("/api/v1/runs", "{}", content_type="application/json")
    rows = AuditEntry.objects.filter(outcome="refused")
    assert (rows.filter(address="192.0.2.1").count(), rows.filter(address="192.0.2.2").count()) == (20, 5)
    flood.summarise()
    assert rows.count() == 25, "the minute is not over"
    monkeypatch.setattr(flood.timezone, "now", lambda: minute + timedelta(minutes=1))
    flood.summarise()
    flood.summarise()
    told = rows.filter(action="refused").order_by("pk")
    assert {(entry.address, entry.details["more"]) for entry in told} == {("192.0.2.1", 10), ("", 5)}
    assert not Refusals.objects.exists()


def test_who_has_an_account_is_in_the_log_however_often(run: Run, colleague: User) -> None:
    call = caller(colleague)
    for _ in range(flood.FROM_ONE + 5):
        call("POST", f"runs/{run.name}/cancel", {})
    assert AuditEntry.objects.filter(outcome="refused", who=colleague).count() == flood.FROM_ONE + 5
