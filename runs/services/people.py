"""Accounts: made and changed by admins, never deleted, because their runs and audit entries name them."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from runs.models import Role, Team, User
from runs.services.audit import changes, record
from runs.services.permissions import require
from runs.services.refused import Invalid, Problem


def _problems(error: ValidationError, field: str = "") -> list[Problem]:
    found = error.message_dict if hasattr(error, "error_dict") else {field: error.messages}
    return [Problem("invalid", message, key) for key, messages in found.items() for message in messages]


@transaction.atomic
def create_user(
    *,
    by: User | None,
    username: str,
    role: Role,
    password: str,
    email: str = "",
    team: str = "",
    training: bool = True,
    deploying: bool = True,
) -> User:
    """`by` is None at the command line of the server. `team` is a name; a new one is made. Services have no password."""
    _only_admin(by)
    user = User(username=username, email=email, role=role, training=training, deploying=deploying)
    if team.strip():
        user.team, _ = Team.objects.get_or_create(name=team.strip())
    try:
        user.full_clean(exclude=["password"])
        if role != Role.SERVICE:
            validate_password(password, user)
    except ValidationError as error:
        raise Invalid(problems=_problems(error, "password")) from None
    user.set_password(password if role != Role.SERVICE else None)
    user.save()
    record("user.create", user, by=by, role=role, team=team.strip())
    return user


@transaction.atomic
def change_user(
    *,
    user: User,
    by: User,
    role: Role,
    team: Team | None,
    active: bool,
    email: str,
    training: bool = True,
    deploying: bool = True,
) -> User:
    """Role, rights, team, address and whether the person may come in at all."""
    _only_admin(by)
    before = User.objects.select_for_update().get(pk=user.pk)
    check_admins_left(user=user, role=role, active=active)
    now = {"role": role, "team": team, "is_active": active, "email": email}
    now |= {"training": training, "deploying": deploying}
    changed = changes(before, now)
    for key, value in now.items():
        setattr(user, key, value)
    user.is_superuser = user.is_superuser and role == Role.ADMIN
    user.save()
    if changed["after"]:
        record("user.change", user, by=by, **changed)
    return user


def check_admins_left(*, user: User, role: Role, active: bool) -> None:
    """Raise Invalid when nobody could open the console after this change."""
    stays = role == Role.ADMIN and active
    if not stays and not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk).exists():
        raise Invalid("This is the only admin who can log in. Make somebody else an admin first.", field="role")


@transaction.atomic
def save_team(*, team: Team, by: User) -> Team:
    _only_admin(by)
    new = team.pk is None
    team.save()
    record("team.add" if new else "team.change", team, by=by)
    return team


def _only_admin(by: User | None) -> None:
    if by is not None:
        require(by, "person.change")
