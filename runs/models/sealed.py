"""Text that is encrypted in the database and hidden everywhere else: only `open()` gives it back.

class Webhook(models.Model):
    secret = SealedField()          # assign plain text; what is read back prints as (hidden)

webhook.secret.open()               # the text, for the one place that needs it
"""

from typing import Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute


class CannotOpen(Exception):
    """It was sealed with a key that this process does not have."""


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])


class Sealed:
    """Encrypted text. Printed, logged or put on a page it is `(hidden)`; JSON and pickle refuse it."""

    __slots__ = ("ciphertext",)

    def __init__(self, ciphertext: str) -> None:
        self.ciphertext = ciphertext

    @classmethod
    def of(cls, text: str) -> "Sealed":
        return cls(_keys().encrypt(text.encode()).decode())

    def open(self) -> str:
        """The text itself. Raises CannotOpen."""
        try:
            return _keys().decrypt(self.ciphertext).decode()
        except InvalidToken:
            raise CannotOpen("This secret was sealed with a key that SECRETS_KEY no longer has. Set it again.") from None

    def resealed(self) -> "Sealed":
        """The same text under the newest key. Raises CannotOpen."""
        try:
            return Sealed(_keys().rotate(self.ciphertext).decode())
        except InvalidToken:
            raise CannotOpen("This secret was sealed with a key that SECRETS_KEY no longer has. Set it again.") from None

    def __repr__(self) -> str:
        return "(hidden)"

    def __reduce__(self) -> Any:
        raise TypeError("A sealed secret is not pickled.")


class _SealedAttribute(DeferredAttribute):
    """Seals on assignment, so that plain text does not stay on the object."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = Sealed.of(value) if isinstance(value, str) else value


class SealedField(models.TextField["str | Sealed | None", Any]):
    """A column of ciphertext. No form, no admin page and no filter has it."""

    descriptor_class = _SealedAttribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "editable": False})

    def from_db_value(self, value: str | None, *_: object) -> Sealed | None:
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = Sealed.of(value)  # as in QuerySet.update
        return value.ciphertext if isinstance(value, Sealed) else value

    def value_to_string(self, obj: models.Model) -> str:
        """For `dumpdata`: still encrypted."""
        return cast(str, self.get_prep_value(self.value_from_object(obj)))
