"""The admin console: people, tokens and licences, changed with a trace."""

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import ApiToken, AuditEntry, Licence, LicenceAcceptance, Role, Run, RunStatus, Team, User
from runs.models.login import Invitation, SecondFactor
from runs.services import access
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


def test_an_invitation_is_told_once_and_shows_how_it_stands(console: Client) -> None:
    answer = console.post(
        "/admin/runs/invitation/add/", {"email": "nia@example.org", "role": "viewer", "team": ""}, follow=True
    )
    assert "shown this once: http" in text(answer)
    assert "was added successfully" not in text(answer)
    assert "Open" in text(answer)
    Invitation.objects.update(expires_at=timezone.now())
    assert "Expired" in text(console.get("/admin/runs/invitation/"))
