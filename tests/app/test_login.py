"""The way in: counted, in one or two steps, telling nothing; and what is left behind when somebody leaves."""

import re
import statistics
import time
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from runs.models import Invitation, RecoveryCode, Role, SecondFactor, Team, User
from runs.models.login import Attempt, Visit
from runs.services import factors, invitations, resetting, throttle
from runs.services.refused import Invalid, NotAllowed, NotFound
from runs.web.views import entry
from tests.app.conftest import PASSWORD, text

PLACE = {"REMOTE_ADDR": "192.0.2.7"}
NEW = "another long and private sentence"


def log_in(client: Client, name: str = "owner", password: str = PASSWORD, **place: str) -> Any:
    return client.post("/login/", {"username": name, "password": password}, **(place or PLACE))  # type: ignore[arg-type]


def code_of(user: User, ahead: int = 0) -> str:
    factor = SecondFactor.objects.get(user=user)
    return factors.code_at(factor.secret.open(), int(time.time()) // factors.STEP + ahead)


@pytest.fixture
def guarded(owner: User) -> list[str]:
    """The owner has a second factor; these are the recovery codes."""
    factors.begin(by=owner)
    return factors.confirm(by=owner, code=code_of(owner, -1))


def test_a_wrong_password_an_unknown_name_and_a_closed_account_get_the_same_answer(
    client: Client, owner: User, colleague: User
) -> None:
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    User.objects.create_user("robot", "", PASSWORD, role=Role.SERVICE)
    answers = [
        log_in(client, name, password)
        for name, password in (("owner", "no"), ("nobody", "no"), ("colleague", PASSWORD), ("robot", PASSWORD))
    ]
    shown = {re.sub(r'value="[^"]*"', "", text(answer)) for answer in answers}
    assert len(shown) == 1
    assert {answer.status_code for answer in answers} == {200}


def test_an_unknown_name_takes_as_long_as_a_wrong_password(owner: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    owner.set_password(PASSWORD)
    owner.save()

    def seconds(name: str) -> float:
        took = []
        for turn in range(5):
            before = time.process_time()
            log_in(Client(), name, "no", REMOTE_ADDR=f"192.0.2.{turn}")
            took.append(time.process_time() - before)
        return statistics.median(took)

    known, unknown = seconds("owner"), seconds("nobody")
    assert 0.5 < known / unknown < 2


def test_tries_are_counted_for_an_account_whether_there_is_one_or_not(client: Client, owner: User) -> None:
    for name in ("owner", "nobody"):
        for turn in range(throttle.PER_ACCOUNT):
            assert log_in(client, name, "no", REMOTE_ADDR=f"198.51.100.{turn}").status_code == 200
        refused = log_in(client, name.upper() if name == "nobody" else name, PASSWORD)
        assert (refused.status_code, "Too many attempts. Wait 15 minutes" in text(refused)) == (429, True)
    assert "owner" not in str(Attempt.objects.values())


def test_tries_are_counted_for_an_address(owner: User, colleague: User) -> None:
    for turn in range(throttle.PER_ADDRESS):
        log_in(Client(), f"somebody-{turn}", "no")
    assert log_in(Client(), "owner").status_code == 429
    assert log_in(Client(), "owner", REMOTE_ADDR="203.0.113.1").status_code == 302


def test_who_gets_in_begins_anew_and_old_tries_are_forgotten(client: Client, owner: User) -> None:
    for _ in range(throttle.PER_ACCOUNT - 1):
        log_in(client, "owner", "no")
    assert log_in(client).status_code == 302
    assert not Attempt.objects.exists()
    throttle.attempt({"x": 1})
    Attempt.objects.update(at="2020-01-01T00:00Z")
    throttle.attempt({"x": 1})
    throttle.sweep()
    assert Attempt.objects.count() == 1


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, its last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    times = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    assert {moment: factors.code_at(secret, moment // 30) for moment in times} == times


def test_a_second_factor_is_set_up_asked_for_and_removed(client: Client, owner: User) -> None:
    client.force_login(owner)
    begun = text(client.post("/account/second-factor/"))
    assert "data:image/svg+xml" in begun
    assert client.post("/account/second-factor/", {"code": "000000"}).status_code == 422
    done = text(client.post("/account/second-factor/", {"code": code_of(owner, -1)}))
    assert len(re.findall(r"[0-9a-f]{8}-[0-9a-f]{8}", done)) == factors.RECOVERY_CODES
    fresh = Client()
    assert log_in(fresh)["Location"] == "/login/code/"
    assert fresh.get("/account/")["Location"] == "/login/?next=/account/"
    code = code_of(owner)
    assert fresh.post("/login/code/", {"code": code})["Location"] == "/"
    assert fresh.get("/account/").status_code == 200
    again = Client()
    log_in(again)
    assert again.post("/login/code/", {"code": code}).status_code == 422  # taken once
    assert client.post("/account/second-factor/", {"remove": "", "password": "no"}).status_code == 422
    client.post("/account/second-factor/", {"remove": "", "password": PASSWORD})
    assert not factors.has_one(owner)
    assert log_in(Client())["Location"] == "/"


def test_a_recovery_code_lets_in_once_and_nothing_is_kept_readable(owner: User, guarded: list[str]) -> None:
    factors.check(user=owner, code=guarded[0].upper())
    with pytest.raises(Invalid):
        factors.check(user=owner, code=guarded[0])
    kept = str(list(RecoveryCode.objects.values())) + str(list(SecondFactor.objects.values()))
    assert not any(code in kept for code in guarded)
    assert SecondFactor.objects.get().secret.open() not in kept


def test_codes_are_counted_too(owner: User, guarded: list[str], client: Client) -> None:
    log_in(client)
    for _ in range(throttle.PER_ACCOUNT):
        assert client.post("/login/code/", {"code": "000000"}).status_code == 422
    assert "Too many attempts" in text(client.post("/login/code/", {"code": guarded[1]}))


def test_the_second_step_leads_nowhere_else(client: Client, owner: User, guarded: list[str]) -> None:
    assert client.get("/login/code/")["Location"] == "/login/"
    client.post("/login/?next=https://evil.example/", {"username": "owner", "password": PASSWORD})
    assert client.post("/login/code/", {"code": guarded[2]})["Location"] == "/"


def test_an_admin_removes_a_lost_factor_and_nobody_elses_is_ones_own(
    console: Client, owner: User, colleague: User, guarded: Any
) -> None:
    with pytest.raises(NotAllowed):
        factors.remove(user=owner, by=colleague)
    console.post("/admin/runs/user/", {"action": "remove_factor", "_selected_action": [owner.pk], "sure": "yes"})
    assert not factors.has_one(owner)


def test_sessions_are_listed_and_ended(client: Client, owner: User, colleague: User) -> None:
    other, theirs = Client(HTTP_USER_AGENT="Elsewhere/1.0"), Client()
    for browser, name in ((client, "owner"), (other, "owner"), (theirs, "colleague")):
        log_in(browser, name)
    page = text(client.get("/account/"))
    assert "Elsewhere/1.0" in page
    assert "192.0.2.7" in page
    far = Visit.objects.get(user=colleague)
    assert client.post(f"/account/sessions/{far.pk}/end/").status_code == 404
    client.post(f"/account/sessions/{Visit.objects.get(browser='Elsewhere/1.0').pk}/end/")
    assert other.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 200
    log_in(other)
    client.post("/account/sessions/end/")
    assert (other.get("/account/").status_code, client.get("/account/").status_code) == (302, 200)
    assert theirs.get("/account/").status_code == 200


def test_a_new_password_ends_the_other_sessions(client: Client, owner: User) -> None:
    other = Client()
    for browser in (client, other):
        log_in(browser)
    client.post("/account/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert (other.get("/account/").status_code, client.get("/account/").status_code) == (302, 200)
    assert Visit.objects.filter(user=owner).count() == 1


def test_a_forgotten_password_is_asked_for_without_telling_whose_it_is(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(resetting, "after_commit", lambda *task: asked.append(task))
    pages = {text(client.post("/login/forgotten/", {"email": email})) for email in ("owner@example.org", "nobody@example.org")}
    assert len(pages) == 1
    assert [task[1] for task in asked] == ["owner@example.org", "nobody@example.org"]
    for task in asked:
        resetting.send(*task[1:])
    assert [sent.to for sent in mail.outbox] == [["owner@example.org"]]
    link = re.search(r"http://testserver(/login/reset/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    done = client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == "/login/"
    assert "This link does not work" in text(Client().get(link[1]))
    assert log_in(Client(), password=NEW).status_code == 302
    for _ in range(resetting.MOST - 1):
        client.post("/login/forgotten/", {"email": "owner@example.org"})
    assert client.post("/login/forgotten/", {"email": "owner@example.org"}).status_code == 429


@pytest.mark.parametrize(
    "away", ["//evil.example", "/\\\\evil.example", "/\t/evil.example", "http:evil.example", "javascript:alert(1)"]
)
def test_a_log_in_leads_nowhere_but_here(client: Client, owner: User, away: str) -> None:
    given = {"username": "owner", "password": PASSWORD, "next": away}
    assert client.post("/login/", given, **PLACE)["Location"] == "/"  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["another password", "a long wait"])
def test_a_code_is_no_use_once_the_password_given_before_it_is_not(
    client: Client, owner: User, guarded: list[str], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    assert log_in(client)["Location"] == "/login/code/"
    if change == "another password":
        owner.set_password(NEW)
        owner.save()
    else:
        later = time.time() + entry.HALF_WAY_SECONDS + 1
        monkeypatch.setattr("runs.web.views.entry.time.time", lambda: later)
    assert client.post("/login/code/", {"code": guarded[0]})["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_a_session_from_before_an_upgrade_gives_its_password_again(client: Client, owner: User, guarded: list[str]) -> None:
    log_in(client)
    session = client.session
    session[entry.HALF_WAY] = {"user": owner.pk, "next": "/"}
    session.save()
    assert client.post("/login/code/", {"code": guarded[0]})["Location"] == "/login/"


def test_a_password_asked_for_again_is_not_to_be_guessed_in_an_open_session(client: Client, owner: User) -> None:
    client.force_login(owner)
    given = {"old_password": "no", "new_password1": NEW, "new_password2": NEW}
    said = [text(client.post("/account/password/", given)) for _ in range(throttle.PER_ACCOUNT)]
    assert all("This is not your password" in page for page in said)
    assert "Too many attempts" in text(client.post("/account/password/", {**given, "old_password": PASSWORD}))
    assert "Too many attempts" in text(client.post("/account/second-factor/", {"remove": "", "password": PASSWORD}))
    throttle.forgive(f"password of {owner.pk}")
    client.post("/account/password/", {**given, "old_password": PASSWORD})
    owner.refresh_from_db()
    assert owner.check_password(NEW)


def test_an_invitation_makes_one_account_with_what_the_admin_chose(console: Client, client: Client, admin: User) -> None:
    team = Team.objects.create(name="night shift")
    made = console.post(
        "/admin/runs/invitation/add/", {"email": "nia@example.org", "role": "viewer", "team": team.pk}, follow=True
    )
    link = re.search(r"http://testserver(/invitation/\S+/)", str(mail.outbox[0].body))
    assert link
    assert link[1] in text(made)
    assert link[1].split("/")[2] not in str(list(Invitation.objects.values()))
    assert "night shift" in text(client.get(link[1]))
    weak = client.post(link[1], {"username": "nia", "password": "123", "again": "123"})
    assert (weak.status_code, "too short" in text(weak)) == (422, True)
    assert client.post(link[1], {"username": "nia", "password": NEW, "again": NEW})["Location"] == "/login/"
    nia = User.objects.get(username="nia")
    assert (nia.role, nia.team, nia.email, nia.check_password(NEW)) == (Role.VIEWER, team, "nia@example.org", True)
    assert client.get(link[1]).status_code == 404


def test_an_invitation_ends_with_its_time_or_when_it_is_withdrawn(admin: User, owner: User) -> None:
    def made() -> tuple[Invitation, str]:
        return invitations.invite(by=admin, email="x@example.org", role=Role.VIEWER, team=None, link=lambda token: token)

    first, token = made()
    Invitation.objects.update(expires_at="2020-01-01T00:00Z")
    with pytest.raises(NotFound):
        invitations.find(token)
    second, token = made()
    invitations.withdraw(invitation=second, by=admin)
    with pytest.raises(NotFound):
        invitations.accept(token=token, username="x", password=NEW)
    with pytest.raises(NotAllowed):
        invitations.withdraw(invitation=first, by=owner)


def test_without_a_provider_nothing_of_openid_shows(client: Client) -> None:
    assert settings.OIDC_ISSUER == ""
    assert "single sign-on" not in text(client.get("/login/"))
    assert client.get("/login/oidc/sso/login/").status_code == 404
