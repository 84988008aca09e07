"""What services raise when the answer is no: a stable code, the field it is about, a sentence for the user."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `field` is empty when it is about the whole; `facts` say for programs what `message` says."""

    code: str
    message: str
    field: str = ""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Refused(Exception):
    """Nothing was changed; `problems` says why, all of it at once."""

    code = "refused"

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        problems: list[Problem] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.problems = problems or [Problem(self.code, message, field, facts or {})]
        super().__init__("; ".join(problem.message for problem in self.problems))

    @property
    def message(self) -> str:
        return str(self)


class Invalid(Refused):
    """What was sent breaks a rule that its author can mend."""

    code = "invalid"


class NotAllowed(Refused):
    """This person may not do this."""

    code = "not_allowed"


class NotFound(Refused):
    """It is not there, or not for this person: the two are not told apart."""

    code = "not_found"


class Malformed(Invalid):
    """It breaks what the schema of its door says, whatever else is true."""


class Unfit(Invalid):
    """Well said, but it does not go with how things stand: a moment that is over, say."""

    code = "unfit"


class UnknownModel(Invalid):
    code = "unknown_model"


class ModelRetired(Invalid):
    code = "model_retired"


class ModelDeprecated(Invalid):
    """Leaving: those who already use it go on, and nobody begins."""

    code = "model_deprecated"


class ModelReserved(Invalid):
    """On offer, to other roles or teams."""

    code = "model_reserved"


class ModelUnavailable(Invalid):
    """Offered, but its weights are not on this machine."""

    code = "model_unavailable"


class DoesNotFit(Invalid):
    """This machine will never have the memory or the disk for it. `facts` may have the `suggestion` of settings that fit."""

    code = "does_not_fit"


class LicenceNotAccepted(Invalid):
    code = "licence_not_accepted"


class UnknownData(Invalid):
    code = "unknown_data"


class BadData(Invalid):
    """A file that cannot be trained on; `report` has every problem with its line."""

    code = "bad_data"

    def __init__(self, message: str, *, field: str = "", report: object = None) -> None:
        super().__init__(message, field=field)
        self.report = report


class TooLarge(Refused):
    """More than this door takes; the sentence names the one that does."""

    code = "too_large"


class KeyReused(Refused):
    """An idempotency key that was used before, for something else."""

    code = "key_reused"


class Begun(Refused):
    """Not yet, and not in vain: what has to come first was begun, and stays."""


class StillChecking(Begun):
    """Large data are being checked in the background. `facts` have the `check` by which to ask how far it is."""

    code = "still_checking"

    @property
    def check(self) -> str:
        return str(self.problems[0].facts["check"])


class StillCounting(Refused):
    """What was asked for is being computed; asking again later helps."""

    code = "still_counting"


class CannotCancel(Refused):
    code = "cannot_cancel"


class CannotPause(Refused):
    """Or cannot be resumed."""

    code = "cannot_pause"


class CannotDelete(Refused):
    code = "cannot_delete"


class CannotRetry(Refused):
    code = "cannot_retry"


class CannotRegister(Refused):
    code = "cannot_register"


class CannotRetire(Refused):
    code = "cannot_retire"


class CannotMove(Refused):
    code = "cannot_move"


class CannotStop(Refused):
    code = "cannot_stop"


WORDS = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such setting.",
    "string_type": "This must be text.",
    "int_parsing": "This must be a whole number.",
    "int_type": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_parsing": "This must be a number.",
    "float_type": "This must be a number.",
    "finite_number": "This must be a finite number.",
    "int_parsing_size": "This number is too large.",
    "bool_parsing": "This must be true or false.",
    "bool_type": "This must be true or false.",
    "tuple_type": "This must be a list.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "timezone_aware": "Say the time zone too, as in 2026-12-31T12:00:00Z.",
    "datetime_from_date_parsing": "This must be a moment, as in 2026-12-31T12:00:00Z.",
    "datetime_parsing": "This must be a moment, as in 2026-12-31T12:00:00Z.",
    "datetime_type": "This must be a moment, as in 2026-12-31T12:00:00Z.",
}


def _number(bound: object) -> str:
    """65,536 and 0.5, but 0 rather than 0.0."""
    return f"{bound:,}".removesuffix(".0")


def _sentence(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "greater_than":
        return f"This must be more than {_number(context['gt'])}."
    if kind == "greater_than_equal":
        return f"This must be at least {_number(context['ge'])}."
    if kind in ("less_than", "less_than_equal"):
        return f"This must be at most {_number(context.get('le', context.get('lt')))}."
    if kind in ("enum", "literal_error"):
        return f"This must be one of {context['expected']}."
    if kind == "string_too_short":
        return "This is required."
    if kind in ("string_too_long", "too_long"):
        return f"This is too long: at most {context['max_length']:,}."
    if kind == "string_pattern_mismatch":
        return f"This must match {context['pattern']} (a regular expression)."
    return WORDS.get(kind, f"{error['msg']}.")


def invalid(error: ValidationError) -> Malformed:
    """Pydantic's findings as problems at fields, in words."""
    return Malformed(
        problems=[
            Problem("required" if found["type"] == "missing" else "invalid", _sentence(found), ".".join(map(str, found["loc"])))
            for found in error.errors(include_url=False, include_input=False)
        ]
    )
