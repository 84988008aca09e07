"""Query parameters, read by pydantic models: unknown, repeated and senseless ones are refused, the schema shows the rest."""

from typing import Any, Literal, TypeVar

from django.db.models import TextChoices
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rest_framework.request import Request

from runs.api.native.bodies import holds_nul
from runs.api.native.moments import Moment
from runs.contract.spec import TaskType
from runs.models import RunStatus
from runs.services.refused import Malformed, invalid


def _any_of(kind: type[TextChoices]) -> str:
    """A pattern of one or more of these, or nothing."""
    one = "|".join(kind.values)
    return rf"^(({one})(,({one}))*)?$"


NO_NUL = r"^[^\u0000]*$"  # PostgreSQL keeps none in text


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PageQuery(Query):
    limit: int = Field(default=50, ge=1, le=200, description="Rows of one page")
    cursor: str = Field(
        default="", pattern=r"^[0-9]{0,18}$", description="Where the page starts: taken from `next` of the page before"
    )


class RunsQuery(PageQuery):
    status: str = Field(
        default="", pattern=_any_of(RunStatus), description="Only runs with one of these statuses, comma-separated"
    )
    model: str = Field(default="", max_length=200, description="Only runs of this base model")
    dataset: str = Field(default="", max_length=100, description="Only runs trained on this data set")
    task_type: TaskType | None = Field(default=None, description="Only runs for this task")
    owner: str = Field(default="", max_length=150, description="Only runs of this person")
    search: str = Field(default="", max_length=100, description="Only runs with this in their name")
    since: Moment | None = Field(default=None, description="Only runs created at or after this moment")
    before: Moment | None = Field(default=None, description="Only runs created before this moment")
    order: Literal["newest", "oldest", "name", "-name", "updated_at", "-updated_at", "tokens", "-tokens"] = Field(
        default="newest", description="What comes first; `-` for falling"
    )


class DataSetsQuery(PageQuery):
    task_type: TaskType | None = Field(default=None, description="Only data sets for this task")
    owner: str = Field(default="", max_length=150, description="Only data sets of this person")
    derived_from: str = Field(default="", max_length=100, description="Only data sets made from this one")
    search: str = Field(default="", max_length=100, description="Only data sets with this in their name")
    order: Literal["newest", "oldest", "name", "-name", "rows", "-rows", "bytes", "-bytes"] = Field(
        default="newest", description="What comes first; `-` for falling"
    )


class VersionsQuery(PageQuery):
    name: str = Field(default="", max_length=255, description="Only versions of this model: catalog.schema.model")
    run: str = Field(default="", max_length=63, description="Only what this run registered")
    order: Literal["newest", "oldest", "name", "-name"] = Field(default="newest", description="What comes first")


class BaseModelsQuery(Query):
    state: Literal["active", "deprecated", "retired", "disabled"] | None = Field(
        default=None, description="Only models in this state"
    )
    family: str = Field(default="", max_length=50, description="Only models of this family")
    task_type: TaskType | None = Field(default=None, description="Only models that can be trained for this task")
    available: bool | None = Field(default=None, description="Only models whose weights are, or are not, on this machine")


class LogQuery(Query):
    lines: int = Field(default=0, ge=0, le=100_000, description="Only the last lines, so many; 0 is all of it")


class FileQuery(Query):
    name: str = Field(default="", max_length=100, description="Name of the new data set; empty: after the file")
    task_type: TaskType = Field(description="What the rows look like")
    mapping: str = Field(default="", max_length=2_000, description="Which of the file's columns are which")


class UploadQuery(FileQuery):
    upload: str = Field(default="", max_length=32, description="Key of an upload in parts, in place of a file")


class CheckQuery(FileQuery):
    model: str = Field(
        default="", max_length=200, description="Base model that counts the tokens, for advice; empty: only the check"
    )
    context_length: int | None = Field(default=None, ge=16, description="Tokens; the model's usual length when it is not given")
    training_duration: str = Field(default="", max_length=50, description="As in a run, for advice on epochs")
    batch_size: int = Field(default=8, ge=1, le=65_536, description="Rows of an optimizer step")


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
        raise Malformed(f"“{repeated[0]}” is given more than once.", field=repeated[0])
    return validated(model, dict(given.items()))


def validated(model: type[Wanted], values: dict[str, Any]) -> Wanted:
    if holds_nul(values):
        raise Malformed("A parameter has a NUL character in it. Remove it.")
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
        plain = {key: value for key, value in part.items() if key not in ("title", "description")}
        unbound = plain.get("type") == "string" and not plain.keys() & {"pattern", "enum", "const", "format"}
        return {**plain, "pattern": NO_NUL} if unbound else plain

    required = set(schema.get("required", []))
    return [
        OpenApiParameter(
            name=name, type=inlined(part), location="query", required=name in required, description=part.get("description", "")
        )
        for name, part in schema["properties"].items()
    ]
