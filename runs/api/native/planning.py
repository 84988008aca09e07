"""What a run would need, before it is created."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import json_of
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import EstimateShape
from runs.contract.request import RunRequest
from runs.services import estimates, lifecycle


@operation("Estimate a run", answer=EstimateShape, body=RunRequest, tag="runs")
def estimate_run(request: Request) -> Response:
    """Same body as for creating it; nothing is created."""
    asked = lifecycle.read_request(json_of(request))
    return shown(EstimateShape.model_validate(estimates.estimate(asked=asked, by=person(request))))


estimate = resource(post=estimate_run)
