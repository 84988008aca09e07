"""Charts as plain figure dicts, and small pictures as SVG paths. Pure: numbers in, dicts and text out.

A figure says which columns it draws, never the numbers: the page fetches those once for all figures and goes on appending to
them. `meta` of a trace is `{kind, value, color, smooth}`; `color` is a role of the stylesheet, so that themes need no redrawing
here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runs.data.profile import Profile

Figure = dict[str, Any]

AXES = {"step": "Step", "epoch": "Epoch", "minutes": "Minutes since the start", "tokens": "Tokens"}
SMOOTHING = 0.6  # weight of what came before in the moving average


@dataclass(frozen=True, slots=True)
class View:
    """How the loss is shown; all of it stands in the page's address."""

    x: str = "step"
    smooth: float = SMOOTHING
    log: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "View":
        """From an address; what makes no sense there counts as the default, because a link should always open."""
        try:
            smooth = float(query.get("smooth", SMOOTHING))
        except ValueError:
            smooth = SMOOTHING
        smooth = min(0.99, max(0.0, smooth)) if math.isfinite(smooth) else SMOOTHING
        return cls(x=query["x"] if query.get("x") in AXES else "step", smooth=smooth, log=query.get("log") == "1")


@dataclass(frozen=True, slots=True)
class Small:
    """One of the little charts under the loss."""

    key: str
    title: str
    unit: str
    format: str  # d3, for the exact value
    exponent: str = "SI"  # how the axis writes what is very large or small


SMALLS = (
    Small("learning_rate", "Learning rate", "", ".3~e", "e"),
    Small("gradient_norm", "Gradient norm", "", ".3~g"),
    Small("tokens_per_second", "Useful tokens", "tokens/s", ",.3~s"),
    Small("memory_bytes", "Memory", "bytes", ".3~s"),
)


def figures(view: View) -> dict[str, Figure]:
    """All figures of a run's page, by the id of their place."""
    return {"loss": loss(view)} | {small.key: little(small, view) for small in SMALLS}


def loss(view: View) -> Figure:
    return {
        "data": [
            _trace("train", "loss", "train, each step", color="train", opacity=0.38, width=1),
            _trace("train", "loss", "train, smoothed", color="train", smooth=True),
            _trace("eval", "loss", "evaluation", color="eval", markers=True),
        ],
        "layout": {
            "xaxis": _x(view) | {"title": {"text": AXES[view.x]}},
            "yaxis": {
                "title": {"text": "Loss (nats per token)"},
                "type": "log" if view.log else "linear",
                "hoverformat": ".4~g",
            },
            "hovermode": "x unified",
            "meta": {"view": asdict(view)},
        },
    }


def little(small: Small, view: View) -> Figure:
    trace = _trace("train", small.key, small.title, color="train")
    trace["hovertemplate"] = f"%{{y:{small.format}}} {small.unit}".strip() + "<extra></extra>"
    return {
        "data": [trace],
        "layout": {
            "xaxis": _x(view) | {"nticks": 4},
            "yaxis": {"exponentformat": small.exponent, "nticks": 4, "rangemode": "tozero" if small.unit else "normal"},
            "hovermode": "x",
            "meta": {"view": asdict(view)},
        },
    }


def lengths(profile: Profile) -> Figure:
    """Rows by tokens, with the context length drawn in: as a line, or beyond the right edge where it would squash the bars."""
    limit, longest = profile.context_length, profile.longest
    inside = limit <= 1.5 * longest
    bars = profile.histogram
    anchor = "right" if limit > 0.6 * longest else "left"  # where there is room beside the line
    mark = {"x": limit, "y": 1, "xref": "x", "yref": "paper", "xanchor": anchor, "yanchor": "top", "showarrow": False}
    edge = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top", "showarrow": False}
    return {
        "data": [
            {
                "type": "bar",
                "x": [(bar.start + bar.end) / 2 for bar in bars],
                "y": [bar.rows for bar in bars],
                "width": [bar.end - bar.start for bar in bars],
                "text": [f"{bar.start:,} to {bar.end - 1:,} tokens" for bar in bars],
                "textposition": "none",
                "hovertemplate": "%{text}: %{y:,} rows<extra></extra>",
                "meta": {"color": "train"},
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "Tokens of a row"}, "range": [0, max(longest, limit if inside else 0) * 1.05]},
            "yaxis": {"title": {"text": "Rows"}, "rangemode": "tozero"},
            "bargap": 0.05,
            "showlegend": False,
            "shapes": [{"type": "line", "x0": limit, "x1": limit, "y0": 0, "y1": 1, "yref": "paper", "meta": "eval"}] * inside,
            "annotations": [(mark if inside else edge) | {"text": f" context length {limit:,} {'' if inside else '→'}"}],
        },
    }


def _x(view: View) -> dict[str, Any]:
    return {"hoverformat": {"step": ",d", "tokens": ",d", "epoch": ".3~f", "minutes": ".2~f"}[view.x]}


def _trace(
    kind: str,
    value: str,
    name: str,
    *,
    color: str,
    smooth: bool = False,
    markers: bool = False,
    width: float = 1.5,
    opacity: float = 1,
) -> Figure:
    return {
        "type": "scatter",
        "name": name,
        "mode": "lines+markers" if markers else "lines",
        "line": {"width": width},
        "opacity": opacity,
        "meta": {"kind": kind, "value": value, "color": color, "smooth": smooth},
    }


def path(xs: Sequence[float], ys: Sequence[float | None], width: float, height: float, pad: float = 1.5) -> str:
    """An SVG path through the points, scaled to fill the box; empty below two points. Missing values break the line."""
    known = [y for y in ys if y is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    left, right = xs[0], xs[-1]
    parts, pen = [], "M"
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            pen = "M"
            continue
        across = pad + (x - left) / ((right - left) or 1) * (width - 2 * pad)
        down = pad + (high - y) / ((high - low) or 1) * (height - 2 * pad)
        parts.append(f"{pen}{across:.1f} {down:.1f}")
        pen = "L"
    return "".join(parts)


def in_words(name: str, steps: Sequence[float], values: Sequence[float | None]) -> str:
    """The curve for those who do not see it; empty when there is nothing to tell."""
    known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
    if not known:
        return ""
    if len(known) == 1:
        return f"{name}: {known[0][1]:.4g} at step {known[0][0]:,}."
    (first, start), (last, end) = known[0], known[-1]
    best, lowest = min(known, key=lambda pair: pair[1])
    return f"{name}: from {start:.4g} at step {first:,} to {end:.4g} at step {last:,}; lowest {lowest:.4g} at step {best:,}."
