"""The admin console: people, tokens and licences, changed with a trace."""

import re
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused
from typing import Any
from unittest import mock

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from runs.models import ApiToken, AuditEntry, Licence, LicenceAcceptance, Role, Run, RunStatus, Team, User
from runs.models.login import Invitation, SecondFactor
from runs.services import access, mailing
from tests.app.conftest import PASSWORD, text


def test_people_are_added_with_role_and_team(console: Client, admin: User) -> None:
    team = Team.objects.create(name="night shift")
    secret = "correct horse battery"
    given = {"username": "nia", "email": "", "role": "viewer", "team": team.pk, "password1": secret, "password2": secret}
    assert console.post("/admin/runs/user/add/", given).status_code == 302
    nia = User.objects.get(username="nia")
    assert (nia.role, nia.team, nia.check_password(secret)) == (Role.VIEWER, team, True)
    assert AuditEntry.objects.get(action="user.create").who == admin


def test_a_weak_password_is_refused(console: Client) -> None:
    given = {"username": "nia", "email": "", "role": "viewer", "team": "", "password1": "password", "password2": "password"}
    assert "too common" in text(console.post("/admin/runs/user/add/", given))
    assert not User.objects.filter(username="nia").exists()


def test_a_new_role_is_audited_with_the_old_one(console: Client, owner: User) -> None:
    given = {
        "email": owner.email,
        "role": "viewer",
        "team": owner.team_id,
        "is_active": "on",
        "training": "on",
        "deploying": "on",
    }
    assert console.post(f"/admin/runs/user/{owner.pk}/change/", given).status_code == 302
    owner.refresh_from_db()
    assert owner.role == Role.VIEWER
    changed = AuditEntry.objects.get(action="user.change")
    assert (changed.before, changed.after) == ({"role": "scientist"}, {"role": "viewer"})


@pytest.mark.parametrize("change", [{"role": "viewer", "is_active": "on"}, {"role": "admin"}])
def test_the_last_admin_cannot_lock_everybody_out(console: Client, admin: User, change: dict[str, str]) -> None:
    answer = console.post(f"/admin/runs/user/{admin.pk}/change/", {"email": "", "team": "", **change})
    assert "only admin who can log in" in text(answer)
    admin.refresh_from_db()
    assert admin.is_admin


def test_a_new_password_is_audited_without_the_password(console: Client, owner: User) -> None:
    secret = "correct horse battery"
    console.post(
        f"/admin/runs/user/{owner.pk}/password/", {"password1": secret, "password2": secret, "usable_password": "true"}
    )
    owner.refresh_from_db()
    assert owner.check_password(secret)
    assert AuditEntry.objects.get(action="user.password").details == {}


def test_tokens_are_revoked_and_never_shown(console: Client, owner: User) -> None:
    row, token = access.create_token(by=owner, name="ci")
    pages = [console.get("/admin/runs/apitoken/"), console.get(f"/admin/runs/apitoken/{row.pk}/change/")]
    assert all(token not in text(page) and row.hash not in text(page) for page in pages)
    chosen = {"action": "revoke", "_selected_action": [row.pk]}
    asked = console.post("/admin/runs/apitoken/", chosen)
    assert "Revoke 1 token" in text(asked)
    assert str(row) in text(asked)
    assert ApiToken.objects.get(pk=row.pk).revoked_at is None, "nothing is done before the answer"
    console.post("/admin/runs/apitoken/", {**chosen, "sure": "yes"})
    assert ApiToken.objects.get(pk=row.pk).revoked_at is not None
    assert access.user_for_token(token) is None


def test_a_changed_licence_text_asks_everybody_again(console: Client, licence: Licence, owner: User) -> None:
    access.accept_licence(licence=licence, by=owner)
    given = {
        "name": licence.name,
        "notice": "A new notice.",
        "obligations": "One.\n\nTwo.",
        "url": "",
        "policy_url": "",
        "name_prefix": "",
    }
    assert console.post(f"/admin/runs/licence/{licence.pk}/change/", given).status_code == 302
    licence.refresh_from_db()
    assert licence.obligations == ["One.", "Two."]
    assert not access.has_accepted(user=owner, licence=licence)
    assert LicenceAcceptance.objects.count() == 1


def test_a_person_who_is_switched_off_is_out(console: Client, owner: User) -> None:
    console.post(f"/admin/runs/user/{owner.pk}/change/", {"email": "", "role": "scientist", "team": ""})
    assert not Client().login(username="owner", password=PASSWORD)
    assert Run.objects.filter(owner=owner, status=RunStatus.RUNNING).count() == 0


def test_a_bulk_action_that_takes_away_names_the_rows_and_can_be_left(console: Client, owner: User, colleague: User) -> None:
    rows = [access.create_token(by=person, name=f"of {person}")[0] for person in (owner, colleague)]
    page = text(console.post("/admin/runs/apitoken/", {"action": "revoke", "_selected_action": [row.pk for row in rows]}))
    assert "Revoke 2 tokens" in page
    assert all(str(row) in page and f'value="{row.pk}"' in page for row in rows)
    assert not ApiToken.objects.exclude(revoked_at=None).exists()


def test_the_console_stands_in_the_frame_of_the_product(console: Client, run: Run) -> None:
    page = text(console.get("/admin/runs/run/"))
    assert 'aria-current="page">All runs</a>' in page
    assert "admin/css" not in page
    assert "console/console" in page
    assert 'class="status idle"' in page, "a state has a shape as well as a word"


def test_the_overview_names_admins_whose_password_alone_lets_them_in(console: Client, admin: User) -> None:
    other = User.objects.create_user("other-admin", "", PASSWORD, role=Role.ADMIN)
    page = text(console.get("/admin/"))
    assert "admin (set it up)" in page
    assert "other-admin" in page
    for one in (admin, other):
        SecondFactor.objects.create(user=one, secret="A" * 32, confirmed_at=timezone.now(), last_step=0)
    assert "without a second factor" not in text(console.get("/admin/"))


INVITED = {"email": "nia@example.org", "role": "viewer", "team": ""}


def test_an_invitation_is_told_once_and_shows_how_it_stands(console: Client) -> None:
    answer = text(console.post("/admin/runs/invitation/add/", INVITED))
    assert "The link was mailed to nia@example.org" in answer
    assert "http://testserver/invitation/" in answer
    listed = text(console.get("/admin/runs/invitation/"))
    assert "http://testserver/invitation/" not in listed
    assert all(words in listed for words in ("Open", "Mailed"))
    Invitation.objects.update(expires_at=timezone.now())
    assert "Expired" in text(console.get("/admin/runs/invitation/"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "cannot be reached: Connection refused"),
        (SMTPRecipientsRefused({"nia@example.org": (550, b"No such user")}), "does not take this address: 550 No such user"),
        (SMTPAuthenticationError(535, b"Bad credentials"), "answered 535 Bad credentials"),
    ],
)
def test_why_an_invitation_could_not_be_mailed_is_said_beside_its_link(
    console: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    monkeypatch.setattr(mailing, "send_mail", mock.Mock(side_effect=error))
    page = text(console.post("/admin/runs/invitation/add/", INVITED))
    assert "did not go out" in page
    assert words in page
    assert "http://testserver/invitation/" in page
    assert words in text(console.get("/admin/runs/invitation/"))


def test_where_mail_is_not_set_up_the_link_goes_into_no_log(
    console: Client, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = mailing.TO_THE_LOG
    page = text(console.post("/admin/runs/invitation/add/", INVITED))
    assert "mail is not set up here" in page
    assert "/invitation/" not in capsys.readouterr().out


def test_an_invitation_sent_again_has_another_link_and_the_old_one_ends(console: Client, client: Client) -> None:
    first = console.post("/admin/runs/invitation/add/", INVITED)
    made = Invitation.objects.get()
    Invitation.objects.update(expires_at=timezone.now())
    chosen = {"action": "send_again", "_selected_action": [made.pk]}
    assert "Each gets a new link" in text(console.post("/admin/runs/invitation/", chosen))
    again = console.post("/admin/runs/invitation/", {**chosen, "sure": "yes"})
    old, new = (re.search(r"http://testserver(/invitation/[^/]+/)", text(page)) for page in (first, again))
    assert old is not None
    assert new is not None
    assert (client.get(old[1]).status_code, client.get(new[1]).status_code) == (404, 200)
    assert len(mail.outbox) == 2
    Invitation.objects.update(withdrawn_at=timezone.now())
    over = console.post("/admin/runs/invitation/", {**chosen, "sure": "yes"}, follow=True)
    assert "was accepted or withdrawn" in text(over)
