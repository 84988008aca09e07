"""How states, numbers and times are written on pages: one way each, everywhere."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.models import Run, RunStatus

register = template.Library()

# A state has a tone and a shape as well as a word: colour never speaks alone.
TONES = {
    RunStatus.PENDING: ("idle", "ring"),
    RunStatus.QUEUED: ("idle", "ring"),
    RunStatus.PAUSED: ("idle", "bars"),
    RunStatus.STARTING: ("busy", "half"),
    RunStatus.RUNNING: ("busy", "disc"),
    RunStatus.TERMINATING: ("warn", "half"),
    RunStatus.COMPLETED: ("good", "check"),
    RunStatus.STOPPED: ("idle", "square"),
    RunStatus.FAILED: ("bad", "cross"),
}
SHAPES = {
    "ring": '<circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/>',
    "half": '<circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    '<path d="M6 1.75a4.25 4.25 0 0 1 0 8.5z" fill="currentColor"/>',
    "disc": '<circle cx="6" cy="6" r="5" fill="currentColor"/>',
    "bars": '<path d="M2.5 2h2.5v8H2.5zM7 2h2.5v8H7z" fill="currentColor"/>',
    "check": '<path d="M1.75 6.5 4.75 9.5 10.25 2.75" fill="none" stroke="currentColor" stroke-width="2"/>',
    "square": '<rect x="1.75" y="1.75" width="8.5" height="8.5" rx="1" fill="currentColor"/>',
    "cross": '<path d="M2 2l8 8M10 2l-8 8" fill="none" stroke="currentColor" stroke-width="2"/>',
}


@register.simple_tag
def status(run: Run) -> SafeString:
    """Shape and word of a run's status."""
    if run.held and run.is_waiting:
        return mark("warn", "bars", "Held")
    tone, shape = ("warn", "half") if run.is_pausing else TONES[RunStatus(run.status)]
    return mark(tone, shape, "Pausing" if run.is_pausing else run.get_status_display())


def mark(tone: str, shape: str, word: str) -> SafeString:
    """A state of anything: a tone of the style sheet, a shape of SHAPES, and its word."""
    drawn = SafeString(f'<svg viewBox="0 0 12 12" aria-hidden="true">{SHAPES[shape]}</svg>')  # nosec B703 # one of ours
    return format_html('<span class="status {}">{} {}</span>', tone, drawn, word)


@register.simple_tag
def bar(share: float, label: str = "progress") -> SafeString:
    """A progress bar; `share` is 0 to 1."""
    return format_html(
        '<progress class="progress" max="1" value="{}" aria-label="{}">{}%</progress>', round(share, 4), label, int(share * 100)
    )


@register.filter
def percent(share: float | None) -> str:
    """0.0412 -> 4.1%, 0.31 -> 31%"""
    if share is None:
        return "–"
    return f"{share * 100:.1f}%" if 0 < share < 0.1 else f"{share * 100:.0f}%"


@register.filter
def short(value: float | None) -> str:
    """A measured number with three digits that counts: 0.0634, 2.30, 1,163, 2e-05; a dash for none."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if abs(value) >= 0.001 else f"{value:.3g}"


@register.filter
def size(count: int | None) -> str:
    """Bytes in decimal units: 2.4 GB; a dash for none."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@register.filter
def span(length: timedelta | float | None) -> str:
    """How long something took or takes: 45 s, 1 min 12 s, 3 h 5 min, 2 d 4 h."""
    if length is None:
        return "–"
    seconds = max(0, round(length.total_seconds() if isinstance(length, timedelta) else length))
    for unit, one, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= one:
            rest = seconds % one // part
            return f"{seconds // one} {unit} {rest} {smaller}" if rest else f"{seconds // one} {unit}"
    return f"{seconds} s"


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """`3 min ago`, with the exact time in the title; a date when it is more than a week ago."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    passed = (timezone.now() - moment).total_seconds()
    if passed < 45:
        words = "just now"
    elif passed < 7 * 86_400:
        words = f"{_rounded(passed)} ago"
    else:
        words = date_format(local, "j M Y")
    exact = date_format(local, "D j M Y, H:i:s e")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words)


def _rounded(seconds: float) -> str:
    for unit, one in (("d", 86_400), ("h", 3_600)):
        if seconds >= one:
            return f"{seconds // one:.0f} {unit}"
    return f"{max(1, round(seconds / 60))} min"


@register.filter
def elapsed(start: datetime) -> str:
    """How long ago that was, as a length: for what is still going on."""
    return span(timezone.now() - start)


@register.filter
def remaining(end: datetime) -> str:
    """How long until then; `a moment` once it has passed."""
    left = (end - timezone.now()).total_seconds()
    return span(left) if left >= 1 else "a moment"
