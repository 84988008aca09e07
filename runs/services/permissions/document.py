"""The table of permissions as people read it: docs/permissions.md, and the page Help."""

from collections.abc import Iterator
from dataclasses import dataclass

from runs.models import Right, Role
from runs.models.user import RIGHTS
from runs.services.permissions.addresses import ADDRESSES
from runs.services.permissions.operations import OPERATIONS, Operation

ROLES = (Role.VIEWER, Role.SERVICE, Role.SCIENTIST, Role.ADMIN)
HEAD = """# Who may do what

Generated from `runs/services/permissions` by `manage.py permissions`; a test compares the two. Every address of every door
is in the table, and one that is not is let through to nobody.

Four rights: **read**, **train**, **deploy** and **admin**. A role has some of them; training and deploying can be taken from a
person one by one. A token has scopes, which are the same four: it may do what its person may do and its scopes name. A service
account has no password and comes with tokens alone. What somebody may not see is not found, rather than forbidden.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One operation, and for each of ROLES whether it may."""

    name: str
    operation: Operation
    allowed: tuple[bool, ...]

    @property
    def right(self) -> str:
        return self.operation.right.value if self.operation.right else "none"


def lines() -> Iterator[Line]:
    for name, operation in OPERATIONS.items():
        yield Line(name, operation, tuple(operation.right is None or operation.right in RIGHTS[role] for role in ROLES))


def markdown() -> str:
    return "\n".join([HEAD, *_roles(), "", *_operations(), "", *_addresses(), ""])


def _roles() -> list[str]:
    rows = ["## Roles", "", "| role | " + " | ".join(Right.values) + " |", "| --- |" + " --- |" * len(Right)]
    return rows + [
        f"| {role.label} | " + " | ".join("yes" if right in RIGHTS[role] else "–" for right in Right) + " |" for role in ROLES
    ]


def _operations() -> list[str]:
    heads = [role.label.lower() for role in ROLES]
    rows = [
        "## Operations",
        "",
        "| operation | may … | right | whose | " + " | ".join(heads) + " |",
        "|" + " --- |" * (4 + len(heads)),
    ]
    for line in lines():
        cells = ["yes" if allowed else "–" for allowed in line.allowed]
        rows.append(
            f"| `{line.name}` | {line.operation.title} | {line.right} | {line.operation.whose.value} | {' | '.join(cells)} |"
        )
    return rows


def _addresses() -> list[str]:
    rows = ["## Addresses", "", "| method | address | operation |", "| --- | --- | --- |"]
    for route, methods in ADDRESSES.items():
        shown = route.replace("|", "\\|")
        rows += [f"| {method} | `/{shown}` | `{operation}` |" for method, operation in methods.items()]
    return [*rows, "| all | `/admin/…` | `console.use` |"]
