"""A few real steps of a run, measured before it is created."""

from typing import Literal

from pydantic import Field, JsonValue
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import json_of
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import EstimateShape
from runs.api.native.shapes import Shape
from runs.contract.request import RunRequest
from runs.services import estimates, lifecycle, probing


class ProbeShape(Shape):
    """Real steps of a run's settings. If they failed, `fault` and `reason` say why, `suggestion` what needs less."""

    stage: Literal["waiting", "running", "ready", "failed"]
    doing: str = Field(description="What it is at, in words")
    steps: int = Field(description="That were timed")
    fault: str = Field(description="memory, disk, data, model, diverged, engine, or slow; empty unless it failed")
    reason: str
    note: str = Field(description="What the engine had to change to take the steps")
    suggestion: dict[str, JsonValue] = Field(description="Settings that need less memory, when there was too little of it")
    estimate: EstimateShape


PROBED = {(200, "application/json"): ProbeShape, (202, "application/json"): ProbeShape}


@operation("Measure a few real steps", answer=PROBED, body=RunRequest, tag="runs")
def probe_run(request: Request) -> Response:
    """Same body as for creating a run; none is created.

    202 while the steps are waited for or taken: send the same again. They are kept for all who ask for the same model, rows,
    method, lengths and batch size; afterwards `estimates` answers from them too. That they failed is told for a minute; whoever
    asks after that has them tried again.
    """
    asked, user = lifecycle.read_request(json_of(request)), person(request)
    found = probing.ask(by=user, asked=asked)
    shape = ProbeShape(
        **{name: getattr(found, name) for name in ("stage", "doing", "fault", "reason", "note")},
        steps=found.found.steps if found.found else 0,
        suggestion=estimates.remedy(asked=asked, by=user),
        estimate=EstimateShape.model_validate(estimates.estimate(asked=asked, by=user)),
    )
    return shown(shape, 202 if found.is_under_way else 200)


probe = resource(post=probe_run)
