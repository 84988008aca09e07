"""How much lies at a place, before it is read."""

from runs.data.sources.places import Entry, Place
from runs.data.sources.refusal import within

FOLDERS, MANY = 500, 1 << 40  # folders looked into, and the bytes of one more


def weigh(there: Place, found: Entry, most: int | None) -> None:
    """Raise TooLarge where there are more bytes than that."""
    if most is not None:
        size, changed = _weight(there, found)
        within(most, size, stamp=f"{size} {changed}")


def _weight(there: Place, found: Entry) -> tuple[int, float]:
    """Bytes, and when they were last changed: of a folder those of its files, of which a great many weigh too much anyhow."""
    size, changed, waiting, seen = 0, 0.0, [found], 0
    while waiting:
        entry = waiting.pop()
        if entry.is_folder and (seen := seen + 1) <= FOLDERS:
            waiting += there.list(entry.parts)
        size, changed = size + (MANY if seen > FOLDERS else entry.bytes), max(changed, entry.modified)
    return size, changed
