"""What a job is asked for with, and what it means here."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runs.api.openai import naming
from runs.api.openai.shapes import default_rate
from runs.api.strict import read_object
from runs.contract.request import RunRequest
from runs.contract.spec import TaskType
from runs.models import User
from runs.services import checks, lifecycle
from runs.services.refused import Invalid, Malformed, Problem, invalid

PLACE = "main.default"  # the catalog and schema that every installation has
Auto = Literal["auto"]
NOT_AUTO = ".literal['auto']"  # as pydantic names the two ways in which such a setting can be read
BRANCH = re.compile(r"(?P<field>.+)\.(?:constrained-)?(?:int|float)")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class Hyperparameters(Body):
    """`auto`, and what is left out, is ours to choose: the base model's own values."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=1_000)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=65_536)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=10_000)] = "auto"


class Supervised(Body):
    hyperparameters: Hyperparameters | None = None


class Method(Body):
    type: str
    supervised: Supervised | None = None
    dpo: Any = None
    reinforcement: Any = None


class JobBody(Body):
    model: Annotated[str, Field(min_length=1, max_length=500)]
    training_file: Annotated[str, Field(min_length=1, max_length=500)]
    validation_file: Annotated[str, Field(max_length=500)] | None = None
    suffix: Annotated[str, Field(max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    integrations: list[Any] | None = None
    metadata: (
        Annotated[dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)]
        | None
    ) = None

    @property
    def settings(self) -> Hyperparameters:
        inner = self.method.supervised.hyperparameters if self.method and self.method.supervised else None
        return inner or self.hyperparameters or Hyperparameters()

    @property
    def labels(self) -> dict[str, Any]:
        return {"metadata": self.metadata} | ({"suffix": self.suffix} if self.suffix else {})


def read_job(request: HttpRequest) -> JobBody:
    try:
        body = JobBody.model_validate(read_object(request))
    except ValidationError as error:
        raise _told(error) from None
    if body.method and body.method.type != "supervised":
        raise Invalid(f"“{body.method.type[:100]}” is not a method here: there is supervised.", field="method.type")
    if body.integrations:
        raise Invalid("There are no integrations: metrics are on the run's page and in MLflow.", field="integrations")
    return body


def _told(error: ValidationError) -> Malformed:
    """A setting that may be `auto` is wrong as that and as a number; only the second says anything."""
    problems = [_plain(problem) for problem in invalid(error).problems if not problem.field.endswith(NOT_AUTO)]
    return Malformed(problems=problems)


def _plain(problem: Problem) -> Problem:
    if not (match := BRANCH.fullmatch(problem.field)):
        return problem
    return replace(problem, field=match["field"], message=f"{problem.message.removesuffix('.')}, or “auto”.")


def run_request(body: JobBody, by: User) -> RunRequest:
    """The run that a job stands for. A fine-tuned model as its model: training goes on from that one's weights."""
    earlier = naming.find_tuned(by, body.model)
    model = checks.find_model(earlier.base_model.name if earlier else body.model)
    train = naming.find_file(by, body.training_file, param="training_file")
    fields: dict[str, Any] = {"model": model.name, "train_data_path": train.name, "task_type": TaskType(train.task_type)}
    if earlier:
        fields["custom_weights_path"] = earlier.name
    if body.validation_file:
        fields["eval_data_path"] = naming.find_file(by, body.validation_file, param="validation_file").name
    place = naming.slug(body.suffix or "")
    fields["register_to"] = f"{PLACE}.{place}" if place else PLACE
    settings = body.settings
    if settings.n_epochs != "auto":
        fields["training_duration"] = f"{settings.n_epochs}ep"
    if settings.batch_size != "auto":
        fields["batch_size"] = settings.batch_size
    if body.seed is not None:
        fields["seed"] = body.seed
    if settings.learning_rate_multiplier != "auto":
        rate = default_rate(model, lifecycle.read_request(fields)) * settings.learning_rate_multiplier
        fields["learning_rate"] = rate
    return lifecycle.read_request(fields)
