"""An estimate as people read it: how long, how much memory and disk, and whether it fits."""

from collections.abc import Callable, Iterator

from finetuning_ui.client.models import Estimate


def needs(found: Estimate) -> Iterator[str]:
    """A line for each: time, memory, disk, length, and how it was found."""
    yield f"time    {_time(found)}"
    memory = _between(found.memory_low, found.memory_high, _bytes)
    yield f"memory  {_bytes(found.memory_bytes)}{memory}, of {_bytes(found.memory_available)} free"
    yield f"disk    {_bytes(found.disk_bytes)}, of {_bytes(found.disk_available)} free"
    yield f"length  {found.steps:,} steps, {found.tokens:,} tokens"
    yield f"basis   {found.basis}. {found.explanation}"
    yield "It fits." if found.fits else "It does not fit."


def _time(found: Estimate) -> str:
    if found.seconds is None:
        return "not known yet"
    return f"{_span(found.seconds)}{_between(found.seconds_low, found.seconds_high, _span)}"


def _between(low: float | None, high: float | None, said: Callable[[float], str]) -> str:
    return f" ({said(low)} to {said(high)})" if low and high else ""


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3600:.1f} h"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
