"""Weights of base models on their way here: started, looked at, stopped."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.catalog import offered
from runs.api.native.endpoint import operation, resource
from runs.api.native.retirements import model_named
from runs.api.native.shapes import Shape
from runs.models import BaseModel, Download
from runs.services import fetching
from runs.services.checks import weights_are_here


class WeightsShape(Shape):
    """Whether the weights of a base model are here, and how far they are."""

    here: bool = Field(description="Whether a run can begin")
    stage: Literal["none", "waiting", "running", "done", "failed", "stopped"] = Field(
        default="none", description="How it stands with fetching them"
    )
    done_bytes: int = 0
    total_bytes: int = Field(default=0, description="0 before they were asked for")
    files: int = 0
    sha: str = Field(default="", description="The commit at the hub")
    reason: str = Field(default="", description="Why it failed, in words; fetched again, it goes on where it broke off")
    asked_at: datetime | None = None

    @classmethod
    def of(cls, model: BaseModel) -> "WeightsShape":
        here, found = weights_are_here(model), Download.objects.filter(base_model=model).first()
        if found is None:
            return cls(here=here)
        told = {name: getattr(found, name) for name in ("stage", "sha", "reason", "asked_at")}
        return cls(here=here, done_bytes=found.done, total_bytes=found.total, files=len(found.files), **told)


@operation("Show where a base model's weights are", answer=WeightsShape, tag="catalog")
def show_weights(request: Request, name: str) -> Response:
    """Ask again while `stage` is waiting or running; the numbers move once a second."""
    return shown(WeightsShape.of(offered(request, name)))


@operation("Fetch a base model's weights", answer=WeightsShape, status=202, tag="catalog")
def fetch_weights(request: Request, name: str) -> Response:
    """From the hub, or from the volume that its folder names; in the background. Asked again after a failure, it goes on where
    it broke off; while it is under way, nothing changes. For admins.
    """
    model = model_named(name)
    fetching.ask(model=model, by=person(request))
    return shown(WeightsShape.of(model), 202)


@operation("Stop fetching a base model's weights", answer=WeightsShape, tag="catalog")
def stop_weights(request: Request, name: str) -> Response:
    """What has come is thrown away. For admins."""
    model = model_named(name)
    fetching.stop(model=model, by=person(request))
    return shown(WeightsShape.of(model))


item = resource(get=show_weights, post=fetch_weights, delete=stop_weights)
