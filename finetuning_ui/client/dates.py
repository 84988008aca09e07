"""Moments as people write them in filters."""

from datetime import datetime

DAYS = ("%Y-%m-%d", "%m-%d-%Y")
TIMES = ("", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S")


def moment(given: datetime | str) -> datetime:
    """With a zone; text and times without one are meant in the local zone. Raise ValueError for what is no date."""
    found = given if isinstance(given, datetime) else _read(given.strip())
    return found if found.tzinfo else found.astimezone()


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in (day + time for day in DAYS for time in TIMES):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  `moment` gives it the local zone
        except ValueError:
            continue
    raise ValueError(f"“{text}” is not a date. Write 2026-01-31, or 2026-01-31 14:05:00.")
