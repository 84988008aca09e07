"""A row as tokens, and what is counted of them."""

from dataclasses import dataclass

NEVER = 1 << 40  # where the first trained token of a row without one stands


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row as tokens: `ids` and `trained` have the same length; the loss counts where `trained` is true."""

    ids: list[int]
    trained: list[bool]


@dataclass(frozen=True, slots=True)
class Counted:
    """`first` is where the first trained token stands that something predicts, `turns` the number of messages. `roles` counts
    the tokens that touch what system and user said and that are not trained; None where the rendered row does not tell.
    """

    tokens: int
    trained: int
    first: int
    turns: int = 0
    roles: dict[str, int] | None = None


def counted(row: Encoded) -> Counted:
    try:
        first = row.trained.index(True, 1)
    except ValueError:
        first = NEVER
    return Counted(len(row.ids), sum(row.trained), first)
