"""Large files while they are checked in the background: how far one is, what came of it, stop it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.shapes import Shape
from runs.models import Taking
from runs.services import taking


class TakingShape(Shape):
    """A large file or place on its way to becoming a data set. It is forgotten a day after it is over."""

    key: str
    state: Literal["waiting", "running", "ready", "refused"]
    source: str
    task_type: str
    done: int = Field(description="Bytes that are checked")
    total: int = Field(description="Bytes; 0 while that is not known")
    rows: int = Field(description="Good rows so far")
    seconds_left: float | None = Field(description="If it goes on as it went; null while nobody can tell")
    dataset: str | None = Field(description="Name of the data set, once it is ready")
    reason: str = Field(description="Why it was refused")
    report: dict[str, Any] | None = Field(description="What the check found, where it was refused")
    created_at: datetime

    @classmethod
    def of(cls, found: Taking) -> "TakingShape":
        same = ("key", "source", "task_type", "done", "total", "rows", "seconds_left", "reason", "report", "created_at")
        simple = {name: getattr(found, name) for name in same}
        return cls(state=found.stage, dataset=found.dataset.name if found.dataset else None, **simple)


@operation("Show the check of a large file", answer=TakingShape, tag="datasets")
def show_check(request: Request, key: str) -> Response:
    """Ask again until its `state` is ready, and then for the data set, or refused: `reason` and `report` say why."""
    return shown(TakingShape.of(taking.find(by=person(request), key=key)))


@operation("Stop the check of a large file", status=204, tag="datasets")
def stop_check(request: Request, key: str) -> Response:
    """Nothing of the file is kept."""
    taking.cancel(by=person(request), key=key)
    return Response(status=204)


item = resource(get=show_check, delete=stop_check)
