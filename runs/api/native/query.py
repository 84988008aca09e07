"""Query parameters, read by pydantic models: unknown, repeated and senseless ones are refused, the schema shows the rest."""

from datetime import datetime
from typing import Any, Literal, TypeVar

from django.utils.timezone import is_naive, make_aware
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from rest_framework.request import Request

from runs.api.native.bodies import holds_nul
from runs.contract.spec import TaskType
from runs.models import RunStatus
from runs.services.refused import Invalid, invalid


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PageQuery(Query):
    limit: int = Field(default=50, ge=1, le=200, description="Rows of one page")
    cursor: str = Field(default="", max_length=100, description="Where the page starts: taken from `next` of the page before")


class RunsQuery(PageQuery):
    status: RunStatus | None = Field(default=None, description="Only runs with this status")
    model: str = Field(default="", max_length=200, description="Only runs of this base model")
    owner: str = Field(default="", max_length=150, description="Only runs of this person")
    since: datetime | None = Field(default=None, description="Only runs created at or after this moment")
    order: Literal["newest", "oldest"] = Field(default="newest", description="Which runs come first")

    @field_validator("since")
    @classmethod
    def _in_the_servers_zone(cls, moment: datetime | None) -> datetime | None:
        if moment is None or not 1 < moment.year < 9999:  # the rim of the calendar has no other time zones
            return None
        return make_aware(moment) if is_naive(moment) else moment


class DataSetsQuery(PageQuery):
    task_type: TaskType | None = Field(default=None, description="Only data sets for this task")
    owner: str = Field(default="", max_length=150, description="Only data sets of this person")


class UploadQuery(Query):
    name: str = Field(default="", max_length=100, description="Name of the new data set; empty: after the file")
    task_type: TaskType = Field(description="What the rows look like")
    mapping: str = Field(default="", max_length=2_000, description="Which of the file's columns are which")


class MetricsQuery(Query):
    kind: Literal["train", "eval"] = Field(default="train", description="Points of training steps or of evaluations")
    keys: str = Field(default="", max_length=500, description="Comma-separated names of values; all when empty")
    points: int = Field(default=1_000, ge=2, le=10_000, description="At most so many points, chosen so that extremes stay")
    from_step: int = Field(default=0, ge=0, le=2**31 - 1, description="First step")
    to_step: int = Field(default=2**31 - 1, ge=0, le=2**31 - 1, description="Last step")


Wanted = TypeVar("Wanted", bound=Query)


def read(request: Request, model: type[Wanted]) -> Wanted:
    """The query of a request; raises Invalid with every problem at its parameter."""
    given = request.query_params
    if repeated := [key for key in given if len(given.getlist(key)) > 1]:
        raise Invalid(f"“{repeated[0]}” is given more than once.", field=repeated[0])
    return validated(model, dict(given.items()))


def validated(model: type[Wanted], values: dict[str, Any]) -> Wanted:
    if holds_nul(values):
        raise Invalid("A parameter has a NUL character in it. Remove it.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


def parameters(model: type[Query]) -> list[OpenApiParameter]:
    """The same model as parameters of an OpenAPI operation."""
    schema = model.model_json_schema()
    shared = schema.get("$defs", {})

    def inlined(part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in part:
            return dict(shared[part["$ref"].rsplit("/", 1)[-1]])
        if "anyOf" in part:  # X or null: a query has no null, only absence
            return inlined(next(option for option in part["anyOf"] if option.get("type") != "null"))
        return {key: value for key, value in part.items() if key not in ("title", "description")}

    required = set(schema.get("required", []))
    return [
        OpenApiParameter(
            name=name, type=inlined(part), location="query", required=name in required, description=part.get("description", "")
        )
        for name, part in schema["properties"].items()
    ]
