"""The fields of a run request as a page shows them: title, help, unit, bounds, choices.

Read from the JSON schema of `runs.contract`, so that a setting added there appears here by itself. Knows no form.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from runs.contract.request import RunRequest

# Everything else is asked for in the step Training.
ELSEWHERE = {"model", "task_type", "train_data_path", "eval_data_path", "register_to", "experiment_path"}


class Kind(StrEnum):
    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"
    LINES = "lines"


KINDS = {"integer": Kind.WHOLE, "number": Kind.NUMBER, "boolean": Kind.SWITCH, "array": Kind.LINES}


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a run request. `default` is as written in a form; empty when the model decides."""

    name: str
    title: str
    help: str
    kind: Kind
    unit: str
    advanced: bool
    choices: tuple[str, ...]
    default: str
    bounds: str
    applies: str  # lora-qlora: the methods for which it means anything, as a word for the style sheet; empty for all

    @property
    def has_choice(self) -> bool:
        """False for a choice of one, which a form need not ask for."""
        return self.kind != Kind.CHOICE or len(self.choices) > 1


@cache
def settings() -> dict[str, Setting]:
    """All fields of a run request by name, in the order of the contract's classes: what to train on first."""
    schema = RunRequest.model_json_schema()
    return {name: _setting(name, entry, schema.get("$defs", {})) for name, entry in schema["properties"].items()}


@cache
def training_settings() -> tuple[Setting, ...]:
    """What the step Training asks for, the plain ones before the advanced ones."""
    wanted = [setting for setting in settings().values() if setting.name not in ELSEWHERE and setting.has_choice]
    return tuple(sorted(wanted, key=lambda setting: setting.advanced))


def as_text(value: Any) -> str:
    """A value as a person would type it into the form: 2e-05 for a rate, on or off for a switch."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)


def _setting(name: str, entry: dict[str, Any], definitions: dict[str, Any]) -> Setting:
    shape = _shape(entry, definitions)
    choices = tuple(str(choice) for choice in shape.get("enum", [shape["const"]] if "const" in shape else []))
    return Setting(
        name=name,
        title=entry.get("title", name),
        help=entry.get("description", ""),
        kind=Kind.CHOICE if choices else KINDS.get(shape.get("type", ""), Kind.TEXT),
        unit=str(entry.get("unit", "")),
        advanced=bool(entry.get("advanced", False)),
        choices=choices,
        default="" if entry.get("default") == [] else as_text(entry.get("default")),
        bounds=_bounds(shape),
        applies="-".join(entry.get("applies", {}).get("method", [])),
    )


def _shape(entry: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that says what a value looks like: without `or null`, references followed."""
    for choice in entry.get("anyOf", []):
        if choice.get("type") != "null":
            return _shape(choice, definitions)
    if "$ref" in entry:
        return dict(definitions[entry["$ref"].rsplit("/", 1)[-1]])
    return entry


def _bounds(shape: dict[str, Any]) -> str:
    """`1 to 65,536`, `more than 0, at most 1`; empty for what has no bounds."""
    if "minimum" in shape and "maximum" in shape:
        return f"{shape['minimum']:,} to {shape['maximum']:,}"
    words = {"exclusiveMinimum": "more than", "minimum": "at least", "exclusiveMaximum": "less than", "maximum": "at most"}
    return ", ".join(f"{word} {shape[key]:,}" for key, word in words.items() if key in shape)
