"""Base models put on offer: from a folder or a hub, which say most of it themselves, and verified."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import BaseModelShape
from runs.api.native.retirements import model_named
from runs.contract.spec import TaskType
from runs.models import Role
from runs.services import adding, verifying

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$"


class AdditionBody(BaseModel):
    """Where the model is; what is left out is read from its own config.json, tokenizer and weights."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200, pattern=NAME, description="As people will ask for it, as in acme/small-1")
    licence: str = Field(max_length=50, description="Key of its licence")
    folder: str = Field(default="", max_length=1_000, pattern="^(/.*)?$", description="Whole path of a folder with its files")
    hub_id: str = Field(default="", max_length=200, pattern=f"^$|{NAME}", description="Or its name at the hub")
    revision: str = Field(default="", max_length=64, description="Commit, tag or branch at the hub; it is pinned to its commit")
    display_name: str = Field(default="", max_length=200)
    family: str = Field(default="", max_length=100)
    task_types: list[TaskType] = Field(default=[], description="Empty: all three")
    roles: list[Role] = Field(default=[], description="Who may use it; empty: every role")
    teams: list[str] = Field(default=[], description="Who may use it, by name of the team; empty: every team")

    @model_validator(mode="after")
    def _is_somewhere(self) -> "AdditionBody":
        if bool(self.folder) == bool(self.hub_id):
            raise ValueError("Name a folder or a hub_id, one of the two.")
        return self


class FindingShape(BaseModel):
    """What the last look at a base model found; with no problems it can be offered."""

    at: str
    problems: list[str]
    parameters: int
    bytes: int
    chat_template: bool
    memory_bytes: int | None = Field(description="That training with its default settings needs")
    hub: str = Field(description="Where its weights are not here: reachable, gated, unknown or not reachable")
    sha: str
    health: str


@operation("Add a base model", answer=BaseModelShape, status=201, body=AdditionBody, tag="catalog")
def add_base_model(request: Request) -> Response:
    """From a folder it is offered at once if it is in order; from the hub when its weights are here. For admins."""
    body = read_body(AdditionBody, request).model_dump(mode="json")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    wish = adding.Wish(**values)
    model = adding.add(wish=wish, by=person(request))
    return shown(BaseModelShape.of(model), 201)


@operation("Verify a base model", answer=FindingShape, tag="catalog")
def verify_base_model(request: Request, name: str) -> Response:
    """Looks at its files, or asks the hub where they are not here, and remembers what it found. For admins."""
    model = model_named(name)
    found = verifying.verify(model=model, by=person(request))
    return shown(FindingShape(**vars(found), health=verifying.health(model)))


verified = resource(post=verify_base_model)
