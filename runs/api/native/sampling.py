"""Metric points of a run, as many as were asked for."""

from collections.abc import Iterator

from django.db.models import FloatField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from runs.api.native.query import MetricsQuery
from runs.api.native.shapes import PointShape
from runs.models import MetricPoint, Run
from runs.services.refused import NotFound
from runs.services.thinning import thin


def points(run: Run, query: MetricsQuery) -> Iterator[PointShape]:
    """Points by step, with the wanted values only. What is thinned by is the loss."""
    wanted = _keys(run, query)
    rows = MetricPoint.objects.filter(run=run, kind=query.kind, step__gte=query.from_step, step__lte=query.to_step).order_by(
        "step"
    )
    if rows.count() > query.points:
        losses = list(rows.annotate(loss=Cast(KT("values__loss"), FloatField())).values_list("pk", "loss"))
        chosen = [losses[index][0] for index in thin([loss for _, loss in losses], query.points)]
        rows = rows.filter(pk__in=chosen)
    for row in rows:
        shape = PointShape.model_validate(row)
        yield shape.model_copy(
            update={"values": {key: value for key, value in row.values.items() if key in wanted or not wanted}}
        )


def _keys(run: Run, query: MetricsQuery) -> set[str]:
    wanted = {key.strip() for key in query.keys.split(",") if key.strip()}
    first = MetricPoint.objects.filter(run=run, kind=query.kind).first()
    if first and (unknown := sorted(wanted - first.values.keys())):
        raise NotFound(f"There is no value “{unknown[0]}”. There are {', '.join(sorted(first.values))}.", field="keys")
    return wanted
