"""Who sees a thing, having a trained run registered, and what of one's quotas is left."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.services import datasets, lifecycle, publishing, quotas, sharing
from runs.services.permissions import require
from runs.services.sharing import Thing


class VisibilityBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    visibility: Literal["private", "team", "everyone"] = Field(description="Its owner alone, its team, or everyone here")


class AllowanceShape(BaseModel):
    """One limit and how much of it is used."""

    key: Literal["runs_at_once", "device_hours", "storage"]
    whose: str = Field(description="yours, or of which team")
    used: float
    limit: float
    left: float
    unit: str
    parts: dict[str, int] = Field(description="Of storage: bytes by what they are of; else empty")


class AllowanceList(BaseModel):
    data: list[AllowanceShape]
    next: None = None


def _shared(request: Request, thing: Thing) -> Response:
    require(person(request), sharing.OPERATION[type(thing)], thing)  # before anything is said about the body
    body = read_body(VisibilityBody, request)
    sharing.share(thing=thing, by=person(request), visibility=body.visibility)
    return Response(body.model_dump())


@operation("Say who sees a run", answer=VisibilityBody, body=VisibilityBody, tag="runs")
def share_run(request: Request, name: str) -> Response:
    """Its owner or an admin may."""
    return _shared(request, lifecycle.find(by=person(request), name=name))


@operation("Say who sees a data set", answer=VisibilityBody, body=VisibilityBody, tag="datasets")
def share_dataset(request: Request, name: str) -> Response:
    """Its owner or an admin may."""
    return _shared(request, datasets.find(by=person(request), name=name))


@operation("Say who sees a registered model", answer=VisibilityBody, body=VisibilityBody, tag="catalog")
def share_registered_model(request: Request, name: str) -> Response:
    """Its owner or an admin may. It holds for all versions of the name."""
    return _shared(request, sharing.registered(by=person(request), name=name))


@operation("Register a trained run", status=202, tag="runs")
def register_run(request: Request, name: str) -> Response:
    """For a completed run whose owner may train and not deploy. Needs the right to deploy."""
    publishing.register(run=lifecycle.find(by=person(request), name=name), by=person(request))
    return Response(status=202)


@operation("Show your quotas", answer=AllowanceList, tag="people")
def list_quotas(request: Request) -> Response:
    """The limits that hold for you and your team, and what is left. Without a limit there is no entry.

    Of storage, data sets count, each for itself, with the file as it came where a program is to get it back; so do run folders
    with their checkpoints, registered versions, and what runs at work are expected to keep. Base models, files in volumes,
    unfinished uploads and what is logged to MLflow besides registered versions do not.
    """
    found = [
        AllowanceShape(
            key=one.key,
            whose=one.whose,
            used=one.used,
            limit=one.limit,
            left=one.left,
            unit=one.unit,
            parts=one.parts,
        )
        for one in quotas.allowances(person(request))
    ]
    return Response(AllowanceList(data=found).model_dump(mode="json"))


run = resource(put=share_run)
dataset = resource(put=share_dataset)
registered_model = resource(put=share_registered_model)
registration = resource(post=register_run)
own_quotas = resource(get=list_quotas)
