"""Whether the audit log is as it was written: every entry, every link, the head, and the seals kept outside the database.

What shows what: the digest an edit, number and hash a missing or an added entry, the head a cut at the end, the seals a chain
that was made anew from the middle on. Who cuts off what came after the last seal, and moves the head back too, is seen only
against a head that somebody wrote down elsewhere.
"""

from dataclasses import dataclass

from runs import wiring
from runs.models import AuditEntry
from runs.models.digest import HASHED, START, content, digests, linked
from runs.services import seals
from runs.services.seals import head

SEAL = "a seal kept outside the database"


@dataclass(frozen=True)
class Break:
    """The first thing that is wrong. `number` is the place in the chain, and 0 for what stands outside it."""

    number: int
    what: str


@dataclass(frozen=True)
class Verdict:
    entries: int
    head: str
    seals: int
    broken: Break | None


def verify(*, expected: str = "") -> Verdict:
    """Read the whole log; `expected` is a head that was written down earlier."""
    kept, before = seals.read(wiring.audit_seals()), head()  # read first: entries may be added while we read
    wanted = {_split(text)[0] for text in (before, expected, *(text for text, _ in kept))}
    entries, last, hashes = 0, START, {0: START}
    broken: Break | None = None
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=2_000):
        broken = _link(entry, entries + 1, last)
        if broken:
            break
        entries, last = entries + 1, entry.hash
        if entries in wanted:
            hashes[entries] = last
    claims = [
        (before, "its head"),
        *((text, SEAL) for text, _ in kept),
        *([(expected, "the head that was given")] if expected else []),
    ]
    broken = (
        broken or _forged(kept) or next(filter(None, (_against(text, hashes, entries, what) for text, what in claims)), None)
    )
    return Verdict(entries, f"{entries}:{last}", len(kept), broken or _passed_by(entries))


def _link(entry: AuditEntry, number: int, previous: str) -> Break | None:
    """What is wrong with the entry that should have this number, if anything."""
    if entry.number is None:
        return Break(
            number, f"An entry (row {entry.pk}: {entry}) has no place in the chain: it was put in behind the product's back."
        )
    if entry.number != number:
        gap = "is missing" if entry.number == number + 1 else f"and {entry.number - number - 1:,} more are missing"
        return Break(number, f"Entry {number} {gap}: the next one there is {entry.number} ({entry}).")
    if entry.digest not in digests(content({name: getattr(entry, name) for name in HASHED})):
        return Break(number, f"Entry {number} ({entry}) is not as it was written, or was written under another SECRET_KEY.")
    if entry.previous != previous or entry.hash != linked(number, previous, entry.digest):
        return Break(number, f"Entry {number} ({entry}) does not follow from the one before it.")
    return None


def _forged(kept: list[tuple[str, bool]]) -> Break | None:
    forged = next((text for text, genuine in kept if not genuine), None)
    if forged is None:
        return None
    return Break(0, f"A seal in {wiring.audit_seals().name} is not ours, or was made under another SECRET_KEY: {forged[:80]}")


def _passed_by(entries: int) -> Break | None:
    """The head only ever moves on, so that it cannot be behind what was read before it."""
    number = _split(head())[0]
    return Break(number + 1, f"The log goes on to {entries}, but its head stands at {number}.") if number < entries else None


def _against(text: str, hashes: dict[int, str], last: int, what: str) -> Break | None:
    number, wanted = _split(text)
    if number > last:
        return Break(
            last + 1, f"The log ends at {last}, but {what} says that there were {number} entries: the end was cut off."
        )
    if hashes.get(number) != wanted:
        return Break(number, f"Entry {number} or one before it is not what {what} says: the log was written anew.")
    return None


def _split(text: str) -> tuple[int, str]:
    number, _, digest = text.strip().partition(":")
    return (int(number) if number.isdigit() else -1), digest
