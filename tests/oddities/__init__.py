"""Several hundred broken and odd files, each made by its code, the same every time, with what must be said of it."""

from functools import cache

from tests.oddities.guests import guests
from tests.oddities.joined import encoded, joined
from tests.oddities.lines import lines
from tests.oddities.odd import Odd
from tests.oddities.packed import archives, binaries, compressed_tables
from tests.oddities.rows import rows
from tests.oddities.strays import strays
from tests.oddities.tables import csvs, parquets, texts

__all__ = ["Odd", "odd_files"]


@cache
def odd_files() -> tuple[Odd, ...]:
    return (
        *lines(),
        *rows(),
        *binaries(),
        *archives(),
        *compressed_tables(),
        *csvs(),
        *parquets(),
        *texts(),
        *strays(),
        *guests(),
        *joined(),
        *encoded(),
    )
