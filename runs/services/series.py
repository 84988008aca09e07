"""Metric points for pictures: few enough to draw, whatever the length of the run, without losing an extreme.

It gives columns of plain numbers and knows neither colours nor axes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Q
from psycopg import sql

from runs.models import MetricPoint, Run
from runs.models.metric import MetricKind

Number = float | int | None
Columns = dict[str, list[Number]]

PLACES = ("step", "epoch", "tokens", "minutes")  # what a point can be drawn over
VALUES: Mapping[str, tuple[str, ...]] = {
    MetricKind.TRAIN: ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "padding_share", "memory_bytes"),
    MetricKind.EVAL: ("loss", "perplexity", "token_accuracy"),
}
# Lowest and highest loss of each stretch of steps. Arrays compare by their first element, so that one pass finds the steps as
# well; sorting within each stretch would cost ten times as much.
EXTREMES = """
SELECT min(pair), max(pair) FROM (
    SELECT ARRAY[(values->>'loss')::float8, step] AS pair, width_bucket(step, %(first)s, %(last)s + 1, %(stretches)s) AS stretch
    FROM runs_metricpoint WHERE run_id = %(run)s AND kind = %(kind)s
) AS points GROUP BY stretch
"""


def newest(run: Run) -> int:
    """The largest point's key: where a live stream goes on. 0 when there is none."""
    return MetricPoint.objects.filter(run=run).aggregate(newest=Max("pk"))["newest"] or 0


def series(run: Run, *, most: int) -> dict[str, Columns]:
    """Columns of training and evaluation, at most `most` (>= 4) points each: `{"train": {"step": [...], "loss": [...]}}`."""
    return {kind: columns(kind, _points(run, kind, most), origin(run)) for kind in MetricKind.values}


def sketches(runs: Sequence[Run], *, most: int) -> dict[int, list[MetricPoint]]:
    """Evenly spaced training points of several runs, by run, in one query whose cost does not grow with the runs' length.

    It looks up single steps, so it can miss a spike: good for a thumbnail, not for a chart.
    """
    wanted = Q(pk__in=[])
    for run in runs:
        stride = max(1, run.step / most)
        steps = {round(number * stride) for number in range(1, int(run.step / stride) + 1)} | {1, run.step}
        wanted |= Q(run_id=run.pk, step__in=steps)
    found: dict[int, list[MetricPoint]] = {run.pk: [] for run in runs}
    for point in MetricPoint.objects.train().filter(wanted).order_by("step"):
        found[point.run_id].append(point)
    return found


def origin(run: Run) -> datetime:
    """Minutes are counted from here."""
    return run.started_at or run.created_at


def columns(kind: str, points: Iterable[MetricPoint], start: datetime) -> Columns:
    rows = [row(point, start) for point in points]
    return {key: [found[key] for found in rows] for key in (*PLACES, *VALUES[kind])}


def row(point: MetricPoint, start: datetime) -> dict[str, Any]:
    """A point as plain finite numbers; None for what the engine did not say, or said as NaN."""
    minutes = (point.time - start).total_seconds() / 60
    place = {"step": point.step, "epoch": round(point.epoch, 5), "tokens": point.tokens, "minutes": round(minutes, 4)}
    return place | {key: finite(point.values.get(key)) for key in VALUES[point.kind]}


def finite(value: object) -> Number:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def as_csv(run: Run) -> bytes:
    """Every point of the run, one a line, with a header. PostgreSQL writes it: 100,000 rows would take Python seconds."""
    keys = dict.fromkeys(key for kind in MetricKind.values for key in VALUES[kind])
    values = sql.SQL(", ").join(sql.SQL("values->>{} AS {}").format(sql.Literal(key), sql.Identifier(key)) for key in keys)
    query = sql.SQL(
        "COPY (SELECT kind, step, epoch, tokens, to_json(time AT TIME ZONE 'UTC')#>>'{{}}' || 'Z' AS time, {} "
        "FROM runs_metricpoint WHERE run_id = {} ORDER BY step, kind) TO STDOUT WITH (FORMAT csv, HEADER)"
    ).format(values, sql.Literal(run.pk))
    with connection.cursor() as cursor, cursor.copy(query) as lines:
        return b"".join(lines)


def _points(run: Run, kind: str, most: int) -> Iterable[MetricPoint]:
    points = MetricPoint.objects.filter(run=run, kind=kind).order_by("step")
    if points.count() <= most:
        return points
    return points.filter(step__in=_steps(run, kind, most))


def _steps(run: Run, kind: str, most: int) -> set[int]:
    """The first and the last step, and both extremes of each stretch between."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(step), max(step) FROM runs_metricpoint WHERE run_id = %s AND kind = %s", [run.pk, kind])
        first, last = cursor.fetchone()
        cursor.execute(EXTREMES, {"run": run.pk, "kind": kind, "first": first, "last": last, "stretches": (most - 2) // 2})
        return {first, last} | {int(pair[1]) for extremes in cursor.fetchall() for pair in extremes}
