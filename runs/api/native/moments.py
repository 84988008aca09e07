"""Moments as they come in. PostgreSQL knows offsets up to 15:59 and Python's calendar ends, so all are turned into UTC."""

from datetime import UTC, datetime
from typing import Annotated

from django.utils.timezone import is_naive, make_aware
from pydantic import AfterValidator, AwareDatetime, BeforeValidator


def _no_number(given: object) -> object:
    """Pydantic would take it for seconds since 1970."""
    if isinstance(given, int | float) or (isinstance(given, str) and given.replace(".", "", 1).isdigit()):
        raise ValueError("This must be a moment, as in 2026-12-31T12:00:00Z.")
    return given


def _in_utc(moment: datetime) -> datetime:
    """Without a zone, the server's is meant. At the rim of the calendar the zone makes no difference that anybody could see."""
    if not 1 < moment.year < 9999:
        return moment.replace(tzinfo=UTC)
    return (make_aware(moment) if is_naive(moment) else moment).astimezone(UTC)


Moment = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
ZonedMoment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
