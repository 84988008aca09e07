"""The two questions: may this person send this request at all, and may they do this to that thing."""

from typing import Any

from runs.models import Role, User
from runs.models.user import RIGHTS
from runs.services.permissions.addresses import operation_at
from runs.services.permissions.operations import OPERATIONS, Operation, Whose
from runs.services.refused import NotAllowed

WHO = {Role.VIEWER: "Viewers", Role.SCIENTIST: "Data scientists", Role.SERVICE: "Service accounts", Role.ADMIN: "Admins"}


class MethodUnknown(NotAllowed):
    """The address exists and this method of it does not."""

    code = "method_not_allowed"


def permit(by: User, *, method: str, route: str) -> None:
    """Raise NotAllowed when this person may not send such a request to anything. `route` is the resolver's."""
    entry = operation_at(method, route)
    if entry is None:
        raise NotAllowed(
            "This address is in no table of permissions, so nobody may use it. Tell whoever runs this installation."
        )
    if entry == "":
        raise MethodUnknown(f"This address takes no {method}.")
    _check_right(by, OPERATIONS[entry])


def may(by: User, operation: str, thing: Any = None) -> bool:
    """Whether `require` would pass."""
    entry = OPERATIONS[operation]
    return (entry.right is None or entry.right in by.rights) and _is_theirs(by, entry, thing)


def require(by: User, operation: str, thing: Any = None) -> None:
    """Raise NotAllowed, in words, unless this person may do this, to this thing if one is meant."""
    entry = OPERATIONS[operation]
    _check_right(by, entry)
    if not _is_theirs(by, entry, thing):
        whom = "its owner or an admin" if entry.whose is Whose.OWN else "its owner"
        raise NotAllowed(f"Only {whom} may {entry.title}.")


def _check_right(by: User, entry: Operation) -> None:
    if entry.right is None or entry.right in by.rights:
        return
    if entry.right in by.own_rights and by.scopes is not None:
        held = ", ".join(sorted(by.scopes)) or "none"
        raise NotAllowed(f"This token may not {entry.title}: that needs the scope {entry.right.value}, and it has {held}.")
    if entry.right not in RIGHTS[by.role]:
        raise NotAllowed(f"{WHO[Role(by.role)]} may not {entry.title}. Ask an admin for another role.")
    raise NotAllowed(f"You may not {entry.title}. Ask an admin for the right to {entry.right.value}.")


def _is_theirs(by: User, entry: Operation, thing: Any) -> bool:
    """What may be seen is settled by `visible_to`, where things are looked up: what is not seen is not found."""
    if thing is None or entry.whose in (Whose.ANY, Whose.SEEN):
        return True
    owner = getattr(thing, "owner_id", None) or getattr(thing, "user_id", None)
    return owner == by.pk or (entry.whose is Whose.OWN and by.is_admin)
