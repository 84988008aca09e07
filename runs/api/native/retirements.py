"""The end of base models: what depends on one, notice and date for one or a family, undone again, and runs moved on."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import BaseModelList, BaseModelShape
from runs.api.native.paging import whole
from runs.api.native.problems import ProblemEntry, entries
from runs.api.native.shapes import RunShape
from runs.models import BaseModel as Offer
from runs.services import impacts, lifecycle, moving, retirement
from runs.services.refused import Invalid, NotFound


class RetirementBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    on: date | None = Field(default=None, description="First day without the model; null: three months from today")
    replacement: str | None = Field(default=None, max_length=200, description="Base model to use instead")
    reason: str = Field(max_length=2_000, description="For the people who use it")


class RestoringBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field(max_length=2_000, description="Kept in the audit log")


class ImpactShape(BaseModel):
    """What depends on a base model, by name."""

    waiting: list[str]
    paused: list[str]
    running: list[str]
    drafts: int
    registered_models: list[str]
    people: list[str]


@operation("Show what depends on a base model", answer=ImpactShape, tag="catalog")
def show_impact(request: Request, name: str) -> Response:
    """For admins, before they retire it."""
    found = impacts.impact(model_named(name))
    return shown(
        ImpactShape(
            waiting=[run.name for run in found.waiting],
            paused=[run.name for run in found.paused],
            running=[run.name for run in found.running],
            drafts=len(found.drafts),
            registered_models=[version.uri for version in found.versions],
            people=[one.username for one in found.people],
        )
    )


@operation("Retire a base model", answer=BaseModelShape, body=RetirementBody, tag="catalog")
def retire_base_model(request: Request, name: str) -> Response:
    """Its users get notice; nobody begins with it; from the day on it is refused, and waiting runs are held. For admins."""
    (model,) = _retired(request, [model_named(name)])
    return shown(BaseModelShape.of(model))


@operation("Retire a family of base models", answer=BaseModelList, body=RetirementBody, tag="catalog")
def retire_family(request: Request, family: str) -> Response:
    """All of its models that are not retired yet, or none. For admins."""
    models = list(Offer.objects.filter(family=family).exclude(pk__in=Offer.objects.retired()))
    if not models:
        raise NotFound(f"There is no family “{family}” with a base model on offer.")
    return Response(whole([BaseModelShape.of(model) for model in _retired(request, models)]))


@operation("Undo a retirement", answer=BaseModelShape, body=RestoringBody, tag="catalog")
def restore_base_model(request: Request, name: str) -> Response:
    """It is on offer again, and runs that were held for it wait for a device. For admins."""
    body = read_body(RestoringBody, request)
    return shown(BaseModelShape.of(retirement.restore(model=model_named(name), by=person(request), reason=body.reason)))


@operation("Move a held run to the replacement", answer=RunShape, status=201, tag="runs")
def move_run(request: Request, name: str) -> Response:
    """The same run of the model that replaces its own, in its place in the queue; the held run is stopped."""
    run = lifecycle.find(by=person(request), name=name)
    moved = moving.move(run=run, by=person(request))
    response = shown(RunShape.of(lifecycle.find(by=person(request), name=moved.name)), 201)
    response.headers["Location"] = request.build_absolute_uri(f"/api/v1/runs/{moved.name}")
    return response


class MoveShape(BaseModel):
    """What came of a held run."""

    run: str = Field(description="The held run")
    moved_to: str | None = Field(description="The run in its place; null: it stays held")
    problems: list[ProblemEntry] = Field(description="Why it stays held")


class MoveList(BaseModel):
    data: list[MoveShape]
    left: int = Field(description="Held runs that are still there: those that were refused, and what more than 50 were")


@operation("Move all your held runs of a base model", answer=MoveList, tag="runs")
def move_runs(request: Request, name: str) -> Response:
    """To the model that replaces it, each as if it were moved by itself, in the order of the queue, 50 at a time. One that is
    refused stays held, and keeps no other back.
    """
    model, by = model_named(name), person(request)
    moves = moving.move_all(model=model, by=by)
    data = [
        MoveShape(run=move.held.name, moved_to=move.made.name if move.made else None, problems=entries(move.problems))
        for move in moves
    ]
    return shown(MoveList(data=data, left=moving.held_of(by=by, model=model).count()))


def _retired(request: Request, models: list[Offer]) -> list[Offer]:
    body = read_body(RetirementBody, request)
    replacement = Offer.objects.filter(name=body.replacement).first() if body.replacement else None
    if body.replacement and replacement is None:
        raise Invalid(f"There is no base model “{body.replacement}”.", field="replacement")
    on = body.on or retirement.default_date()
    return retirement.retire_all(models=models, by=person(request), on=on, replacement=replacement, reason=body.reason)


def model_named(name: str) -> Offer:
    model = Offer.objects.select_related("licence", "replacement").filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no base model “{name}”.")
    return model


impact = resource(get=show_impact)
item = resource(put=retire_base_model)
restored = resource(post=restore_base_model)
family = resource(put=retire_family)
moved = resource(post=move_run)
all_moved = resource(post=move_runs)
