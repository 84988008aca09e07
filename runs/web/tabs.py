"""The tabs of a run's page: which there are, and what each of them shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs.contract.request import RunRequest
from runs.contract.spec import Hyperparameters, applies
from runs.models import Run
from runs.services import outputs
from runs.services.refused import Refused

TAIL_BYTES = 24_000
TABS = {
    "events": "Events",
    "samples": "Answers",
    "specification": "Specification",
    "checkpoints": "Checkpoints",
    "log": "Log",
    "points": "Data table",
}


class TabConverter:
    regex = "|".join(TABS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def panel(run: Run, tab: str) -> dict[str, Any]:
    """What the template of this tab needs besides the portrait."""
    return PANELS[tab](run) if tab in PANELS else {}


def _events(run: Run) -> dict[str, Any]:
    return {"events": run.events.order_by("-time", "-pk")}


def _checkpoints(run: Run) -> dict[str, Any]:
    return {"checkpoints": run.checkpoints.order_by("-step")}


def _log(run: Run) -> dict[str, Any]:
    try:
        return {"log": tail(outputs.log_file(run), TAIL_BYTES)}
    except (Refused, OSError):
        return {"log": None}


def tail(path: Path, most: int) -> str:
    """The last whole lines of a file, at most `most` bytes of it."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, 2) - most)
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    return text.partition("\n")[2] if start else text


def _specification(run: Run) -> dict[str, Any]:
    """From the run's own request and specification, never from what the catalog says today."""
    asked = run.asked
    try:
        full = outputs.full_specification(run)
    except (Refused, OSError, ValueError):  # deleted from the disk: what was asked for is still known
        return {"settings": _settings(asked, asked.model_dump(mode="json")), "full": None}
    return {"settings": _settings(asked, full.hyperparameters.model_dump(mode="json")), "full": full.model_dump_json(indent=2)}


def _settings(asked: RunRequest, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Each hyperparameter with its title, value, unit, and whether a person chose it."""
    return [
        {
            "title": field.title or name,
            "value": shown(values[name]),
            "unit": (field.json_schema_extra or {}).get("unit", "") if isinstance(field.json_schema_extra, dict) else "",
            "help": field.description,
            "chosen": name in asked.model_fields_set,
        }
        for name, field in Hyperparameters.model_fields.items()
        if applies(name, values)
    ]


def shown(value: object) -> str:
    """A setting's value as a person writes it."""
    match value:
        case None:
            return "the model’s own default"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
    return str(value)


PANELS: dict[str, Callable[[Run], dict[str, Any]]] = {
    "events": _events,
    "checkpoints": _checkpoints,
    "specification": _specification,
    "log": _log,
}
