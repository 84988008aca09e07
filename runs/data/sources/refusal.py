"""How every source refuses."""


class SourceError(ValueError):
    """The reference leads nowhere, or where nobody may read; the text is for the user."""


class TooLarge(SourceError):
    """There are more than `Roots.most` bytes. `bytes` is 0 where nobody knows how many; `stamp` names their present state."""

    def __init__(self, *, size: int = 0, stamp: str = "") -> None:
        super().__init__("It is larger than what is read while somebody waits.")
        self.bytes, self.stamp = size, stamp


def within(most: int | None, size: int, *, stamp: str = "") -> None:
    """Raise TooLarge beyond `most` bytes."""
    if most is not None and size > most:
        raise TooLarge(size=size, stamp=stamp)
