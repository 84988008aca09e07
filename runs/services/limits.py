"""How many requests a caller may make. Counted in PostgreSQL, so that every process of every machine counts alike."""

import math
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

SECONDS = 60  # settings.REQUESTS_PER_MINUTE fill up within this time

# One statement, so that two processes never grant the same request; the clock is PostgreSQL's.
TAKE = """
INSERT INTO runs_allowance AS kept (caller, level, granted, time) VALUES (%(caller)s, %(most)s - 1, true, clock_timestamp())
ON CONFLICT (caller) DO UPDATE SET (level, granted, time) = (
    SELECT CASE WHEN filled >= 1 THEN filled - 1 ELSE filled END, filled >= 1, clock_timestamp()
    FROM (SELECT least(%(most)s, kept.level + extract(epoch FROM clock_timestamp() - kept.time) * %(most)s / %(seconds)s)
          AS filled) AS now)
RETURNING level, granted
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after a request."""

    most: int
    level: float
    granted: bool

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self.level))

    @property
    def full_in(self) -> int:
        """Seconds until the whole allowance is there again."""
        return math.ceil((self.most - self.level) * SECONDS / self.most)

    @property
    def wait(self) -> int:
        """Seconds until one request is left; 0 when one is."""
        return max(0, math.ceil((1 - self.level) * SECONDS / self.most))


def take(caller: str) -> Standing:
    """Use up one request of this caller's allowance, unless none is left."""
    most = settings.REQUESTS_PER_MINUTE
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"caller": caller, "most": float(most), "seconds": SECONDS})
        level, granted = cursor.fetchone()
    return Standing(most, level, granted)
