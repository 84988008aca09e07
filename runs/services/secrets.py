"""Secrets that people store here: kept encrypted, used where they are needed, never shown again.

The secret of some other row (a webhook's, say) is a SealedField of that row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from runs.models import Secret, User
from runs.models.sealed import CannotOpen, SealedField
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import Invalid, NotAllowed, NotFound

MOST = 4_096  # characters


class Name(StrEnum):
    HUB_TOKEN = "hub_token"  # noqa: S105  a name


@dataclass(frozen=True)
class About:
    """A secret in words."""

    title: str
    use: str
    personal: bool  # whether a person may have one of their own


KNOWN: dict[Name, About] = {
    Name.HUB_TOKEN: About(
        "Hugging Face token", "Opens gated and private models and data sets at the hub, and is sent to no other host.", True
    ),
}


@transaction.atomic
def put(*, name: Name, value: str, by: User, owner: User | None) -> Secret:
    """Keep a secret in the place of what was there. `owner` is None for the whole installation's, which only admins set."""
    _may_change(name, owner, by)
    value = value.strip()
    if not value or len(value) > MOST or not value.isprintable():
        raise Invalid(f"A secret is one line of 1 to {MOST:,} printable characters.", field="value")
    secret, _ = Secret.objects.update_or_create(
        name=name, owner=owner, defaults={"value": value, "changed_at": timezone.now(), "changed_by": by}
    )
    record("secret.set", secret, by=by)
    return secret


@transaction.atomic
def remove(*, name: Name, by: User, owner: User | None) -> None:
    _may_change(name, owner, by)
    secret = Secret.objects.filter(name=name, owner=owner).first()
    if secret is None:
        raise NotFound("There is no such secret.")
    record("secret.remove", secret, by=by)
    secret.delete()


def opened(name: Name, *, by: User | None = None) -> str | None:
    """This person's own secret, else the installation's, else what the environment says, else None."""
    rows = {secret.owner_id: secret for secret in Secret.objects.filter(models.Q(owner=by) | models.Q(owner=None), name=name)}
    found = rows.get(by.pk) if by else None
    if found := found or rows.get(None):
        try:
            return str(found.value.open())
        except CannotOpen as error:
            raise Invalid(f"{KNOWN[name].title}: {error}") from None
    return settings.HF_TOKEN if name is Name.HUB_TOKEN else None


def reseal() -> int:
    """Encrypt everything sealed anew with the newest key, whatever table it is in; return how many. Raises CannotOpen."""
    count = 0
    with transaction.atomic():
        for model, field in sealed_fields():
            for row in model._default_manager.select_for_update().exclude(**{f"{field}__isnull": True}):
                setattr(row, field, getattr(row, field).resealed())
                row.save(update_fields=[field])
                count += 1
    return count


def sealed_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every sealed column of the product."""
    for model in apps.get_models():
        yield from ((model, field.name) for field in model._meta.concrete_fields if isinstance(field, SealedField))


def _may_change(name: Name, owner: User | None, by: User) -> None:
    require(by, "secret.share" if owner is None else "secret.set")
    if owner is not None and owner.pk != by.pk:
        raise NotAllowed("A secret of one person is set by that person.")
    if owner is not None and not KNOWN[name].personal:
        raise NotAllowed("This secret belongs to the whole installation.")
