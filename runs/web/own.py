"""What the account page shows of a person, without what must not be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runs.models import Secret, User
from runs.services.secrets import KNOWN, About, Name


@dataclass(frozen=True, slots=True)
class OwnSecret:
    """A secret that a person may set: whether it is there, never what it is."""

    name: Name
    about: About
    changed_at: datetime | None
    error: str


def own_secrets(user: User, wrong: Mapping[Name, str] = {}) -> list[OwnSecret]:
    there = dict(Secret.objects.filter(owner=user).values_list("name", "changed_at"))
    return [OwnSecret(name, about, there.get(name), wrong.get(name, "")) for name, about in KNOWN.items() if about.personal]
