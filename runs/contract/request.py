"""What a person asks for when creating a run, whichever door they come through.

Field names are those of the original service's `create`, so that a script's keyword arguments are the REST body.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from runs.contract.spec import Hyperparameters, TaskType, applies

PART = r"[A-Za-z0-9_][A-Za-z0-9_\-]*"
MODEL_PART = r"[A-Za-z0-9_][A-Za-z0-9_.\-]*"


def _register_to(text: str) -> str:
    if not re.fullmatch(rf"{PART}\.{PART}(\.{MODEL_PART})?", text.strip()):
        raise ValueError(
            f"“{text[:80]}” is not catalog.schema or catalog.schema.model, as in main.default or main.default.helpdesk. "
            "Use letters, digits, _ and - between the dots."
        )
    return text.strip()


class RunRequest(Hyperparameters):
    """A run as asked for: model, data, where to register, and the hyperparameters."""

    model: str = Field(min_length=1, max_length=200, title="Base model", description="Name of a base model from the catalog.")
    train_data_path: str = Field(
        min_length=1,
        max_length=1_000,
        title="Training data",
        description="Name of a data set, or dbfs:/Volumes/<catalog>/<schema>/<volume>/<file>.jsonl.",
    )
    register_to: Annotated[str, AfterValidator(_register_to)] = Field(
        max_length=255,
        title="Register to",
        json_schema_extra={"pattern": rf"^{PART}\.{PART}(\.{MODEL_PART})?$"},
        description="catalog.schema, which registers under the run's name, or catalog.schema.model.",
    )
    task_type: TaskType = Field(
        default=TaskType.CHAT_COMPLETION,
        title="Task",
        description="Chat completion for conversations, instruction for prompt and response, pretraining for raw text.",
    )
    eval_data_path: str | None = Field(
        default=None,
        max_length=1_000,
        title="Evaluation data",
        description="Rows that are scored and never trained on, in the same format as the training data.",
    )
    eval_prompts: tuple[Annotated[str, Field(min_length=1, max_length=20_000)], ...] = Field(
        default=(),
        max_length=20,
        title="Evaluation prompts",
        description="Answered at every evaluation, so that you can read how it learns.",
    )
    experiment_path: str = Field(
        default="",
        max_length=500,
        title="MLflow experiment",
        description="Empty: /Users/<you>/<run name>.",
        json_schema_extra={"advanced": True},
    )
    custom_weights_path: str | None = Field(
        default=None,
        max_length=1_000,
        title="Start from weights of an earlier run",
        description="<run>, <run>/<checkpoint>, <catalog>.<schema>.<model>/<version> or a checkpoint's dbfs: path: train on "
        "from there, not from the base model's weights.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _settings_make_sense_together(self) -> "RunRequest":
        """A setting that would be ignored is refused: whoever wrote it believes that it counts."""
        values = self.model_dump(include=set(Hyperparameters.model_fields))
        idle = [
            name
            for name, field in Hyperparameters.model_fields.items()
            if name in self.model_fields_set and values[name] != field.default and not applies(name, values)
        ]
        if idle:
            words = {"error": f"This has no effect with the method {self.method}. Leave it out, or choose lora or qlora."}
            error = PydanticCustomError("value_error", "{error}", words)
            found = [InitErrorDetails(type=error, loc=(name,), input=values[name]) for name in idle]
            raise ValidationError.from_exception_data("RunRequest", found)
        return self

    def hyperparameters(self) -> Hyperparameters:
        """Only what was asked for is set in them, so that a model's own defaults can fill the rest."""
        return Hyperparameters.model_validate(self.model_dump(include=set(Hyperparameters.model_fields), exclude_unset=True))
