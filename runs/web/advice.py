"""Advice on how long to train, from the original service's reference page. On the amount of data: see runs.data.advice."""

from dataclasses import dataclass

from runs.data.advice import FEW_EPOCHS


@dataclass(frozen=True, slots=True)
class Counsel:
    """`good` when a setting follows the advice."""

    good: bool
    text: str


def on_duration(seen: float) -> Counsel:
    """`seen` is how often each row will be seen."""
    if seen < 1:
        return Counsel(True, f"Only {seen:.0%} of the rows are seen: good for a trial.")
    times = "Each row is seen once." if seen == 1 else f"Each row is seen {seen:,.3g} times."
    if seen > FEW_EPOCHS:
        less = f"Start with 1 to {FEW_EPOCHS}: with more, a model forgets other tasks or copies the data."
        return Counsel(False, f"{times} {less}")
    return Counsel(True, f"{times} Add one or two epochs later if answers should be closer to the data.")
