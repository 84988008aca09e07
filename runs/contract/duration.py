"""Training durations as people write them: `1ep`, `10ba`, `10_000tok`, `3e4tok`.

The syntax is Composer's: a number that float() reads, then a unit. The number must be whole and positive.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

MOST = 10**13  # tokens, batches or epochs; a guard against typing errors, far above any real run


class Unit(StrEnum):
    EPOCHS = "ep"
    BATCHES = "ba"
    TOKENS = "tok"


WORDS = {Unit.EPOCHS: "epoch", Unit.BATCHES: "batch", Unit.TOKENS: "token"}


@dataclass(frozen=True, slots=True)
class Duration:
    """A count of epochs, batches (optimizer steps) or tokens of rows, prompts included."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read `<n>ep`, `<n>ba` or `<n>tok`; raise ValueError with a sentence for the user."""
        match = re.fullmatch(r"\s*([0-9._eE+]+?)\s*(ep|ba|tok)\s*", text)
        if match is None:
            raise ValueError(
                f"“{text[:40]}” is not a duration. Write a whole number and a unit: 3ep (epochs), 200ba (batches) "
                "or 1_000_000tok (tokens)."
            )
        try:
            number = float(match[1])
        except ValueError:
            raise ValueError(f"“{match[1][:40]}” is not a number. Write for example 3ep, 200ba or 10_000tok.") from None
        if not 1 <= number <= MOST or number != int(number):
            raise ValueError(f"“{text[:40]}”: the number must be whole, at least 1 and at most 10 trillion.")
        return cls(int(number), Unit(match[2]))

    def __str__(self) -> str:
        return f"{self.count}{self.unit.value}"

    @property
    def in_words(self) -> str:
        """`3 epochs`, `1 batch`, `10,000 tokens`."""
        word = WORDS[self.unit]
        plural = f"{word}es" if word.endswith("ch") and word != "epoch" else f"{word}s"
        return f"{self.count:,} {word if self.count == 1 else plural}"
