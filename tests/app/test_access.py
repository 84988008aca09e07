"""Accounts, tokens, acceptances, and who may see what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import ApiToken, AuditEntry, DataSet, Licence, LicenceAcceptance, Role, Run, User, Visibility
from runs.services import access, people
from runs.services.refused import Invalid, NotAllowed


def test_the_first_admin_gets_a_password_nobody_could_know_and_the_second_start_makes_none(db: None) -> None:
    first = access.ensure_first_admin()
    assert first
    name, password = first
    admin = User.objects.get(username=name)
    assert admin.check_password(password)
    assert admin.is_admin
    assert len(password) >= 16
    assert access.ensure_first_admin() is None
    assert User.objects.count() == 1


def test_a_token_opens_the_door_and_only_its_hash_is_kept(owner: User) -> None:
    row, token = access.create_token(by=owner, name=" ci ")
    assert access.user_for_token(token) == owner
    assert row.name == "ci"
    kept = ApiToken.objects.filter(pk=row.pk).values().get()
    assert token not in map(str, kept.values())
    assert token.startswith(kept["hint"])
    assert token not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_token_needs_a_name(owner: User, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        access.create_token(by=owner, name=name)
    assert refused.value.problems[0].field == "name"
    assert not ApiToken.objects.exists()


def test_a_token_that_would_never_work_is_not_made(owner: User) -> None:
    with pytest.raises(Invalid, match="never work"):
        access.create_token(by=owner, name="x", expires_at=timezone.now())


def test_a_token_ends_with_its_time(owner: User) -> None:
    row, token = access.create_token(by=owner, name="x", expires_at=timezone.now() + timedelta(hours=1))
    assert access.user_for_token(token) == owner
    ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert access.user_for_token(token) is None


def test_a_token_ends_with_its_person(owner: User) -> None:
    _, token = access.create_token(by=owner, name="x")
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert access.user_for_token(token) is None


@pytest.mark.parametrize("token", ["", "ftui_", "ftui_\x00", "é" * 300, "' OR 1=1 --"])
def test_what_is_no_token_opens_nothing(owner: User, token: str) -> None:
    access.create_token(by=owner, name="x")
    assert access.user_for_token(token) is None


def test_the_last_use_is_noted_at_most_once_a_minute(owner: User) -> None:
    row, token = access.create_token(by=owner, name="x")
    access.user_for_token(token)
    row.refresh_from_db()
    first = row.last_used_at
    assert first
    access.user_for_token(token)
    row.refresh_from_db()
    assert row.last_used_at == first


def test_a_token_is_revoked_by_its_owner_or_an_admin(owner: User, colleague: User, admin: User) -> None:
    row, token = access.create_token(by=owner, name="x")
    with pytest.raises(NotAllowed):
        access.revoke_token(token=row, by=colleague)
    assert access.user_for_token(token) == owner
    access.revoke_token(token=row, by=admin)
    when = row.revoked_at
    access.revoke_token(token=row, by=owner)
    assert row.revoked_at == when
    assert access.user_for_token(token) is None


def test_an_acceptance_is_of_a_person_and_a_text(owner: User, colleague: User, licence: Licence) -> None:
    access.accept_licence(licence=licence, by=owner)
    access.accept_licence(licence=licence, by=owner)
    assert access.has_accepted(user=owner, licence=licence)
    assert not access.has_accepted(user=colleague, licence=licence)
    licence.obligations = ["Name us.", "Pay us."]
    licence.save()
    assert not access.has_accepted(user=owner, licence=licence)
    access.accept_licence(licence=licence, by=owner)
    assert LicenceAcceptance.objects.filter(user=owner).count() == 2
    assert AuditEntry.objects.filter(action="licence.accept").count() == 2


def test_a_viewer_accepts_nothing(viewer: User, licence: Licence) -> None:
    with pytest.raises(NotAllowed):
        access.accept_licence(licence=licence, by=viewer)


def test_visibility_decides_who_sees_a_row(run: Run, owner: User, colleague: User, stranger: User, admin: User) -> None:
    def seen() -> list[bool]:
        return [Run.objects.visible_to(person).filter(pk=run.pk).exists() for person in (owner, colleague, stranger, admin)]

    expected = {Visibility.PRIVATE: [True, False, False, True], Visibility.TEAM: [True, True, False, True]}
    for visibility, answer in {**expected, Visibility.EVERYONE: [True] * 4}.items():
        run.visibility = visibility
        run.save()
        assert seen() == answer, visibility
    assert DataSet.objects.visible_to(stranger).count() == 0


def test_an_account_is_made_with_role_team_and_a_good_password(admin: User) -> None:
    nia = people.create_user(by=admin, username="nia", role=Role.VIEWER, password="correct horse battery", team="night")
    assert (nia.role, nia.team and nia.team.name, nia.is_staff) == (Role.VIEWER, "night", False)
    with pytest.raises(Invalid) as refused:
        people.create_user(by=admin, username="nia", role=Role.VIEWER, password="correct horse battery")
    assert refused.value.problems[0].field == "username"


@pytest.mark.parametrize(
    ("name", "password"), [("", "correct horse battery"), ("a\x00b", "correct horse battery"), ("nia", "12345")]
)
def test_an_account_that_makes_no_sense_is_refused(db: None, name: str, password: str) -> None:
    with pytest.raises(Invalid):
        people.create_user(by=None, username=name, role=Role.VIEWER, password=password)
    assert not User.objects.exists()


def test_only_admins_make_and_change_accounts(owner: User, viewer: User) -> None:
    with pytest.raises(NotAllowed):
        people.create_user(by=owner, username="nia", role=Role.ADMIN, password="correct horse battery")
    with pytest.raises(NotAllowed):
        people.change_user(user=viewer, by=viewer, role=Role.ADMIN, team=None, active=True, email="")
    viewer.refresh_from_db()
    assert viewer.role == Role.VIEWER


def test_who_is_no_admin_any_more_loses_the_console(admin: User, owner: User) -> None:
    people.change_user(user=owner, by=admin, role=Role.ADMIN, team=None, active=True, email="")
    superuser = User.objects.create_superuser("root", "", "x")
    people.change_user(user=superuser, by=admin, role=Role.SCIENTIST, team=None, active=True, email="")
    superuser.refresh_from_db()
    assert (superuser.is_admin, superuser.is_staff, superuser.is_superuser) == (False, False, False)
