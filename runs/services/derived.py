"""Data sets made from others by a remedy: kept beside what they came from, with the record of how."""

from pathlib import Path
from typing import Any

from runs.contract.spec import TaskType
from runs.data.remedies import RemedyKind
from runs.data.validation import check
from runs.models import DataSet, Measurement, User
from runs.services import shelf
from runs.services.keeping import create
from runs.services.naming import ENDINGS, HELD_OUT


def objection(made: Measurement, parts: list[dict[str, Any]]) -> str:
    """Why these parts are not worth keeping, in words; empty when they are."""
    if made.job["remedy"]["kind"] == RemedyKind.SPLIT:
        return "" if len(parts) == 2 else "All rows are copies of one another, so that they cannot be split."
    if not parts:
        return "No row would be left."
    return "" if parts[0]["changed"] else "There is nothing to mend: no row would change."


def keep(made: Measurement, result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take the parts that a remedy wrote; return the result with the names of the new data sets."""
    shelf.hold(*(part["digest"] for part in result["parts"]))
    parent = DataSet.objects.get(pk=made.job["dataset"])
    by = User.objects.get(pk=made.job["by"])
    ending = ENDINGS[RemedyKind(made.job["remedy"]["kind"])]
    endings = [HELD_OUT if part["path"] == "evaluation.jsonl" else ending for part in result["parts"]]
    names = [
        _keep(made, parent, by, folder / part["path"], part, end).name
        for part, end in zip(result["parts"], endings, strict=True)
    ]
    return {**result, "datasets": names}


def _keep(made: Measurement, parent: DataSet, owner: User, path: Path, part: dict[str, Any], ending: str) -> DataSet:
    task = TaskType(parent.task_type)
    asked = made.job.get("name", "")
    wanted = asked if asked and ending != HELD_OUT else f"{asked or parent.name}-{ending}"
    report = check(path, task=task, name=f"{wanted}.jsonl", canonical=None)
    shelf.put(path, part["digest"])
    return create(
        by=owner,
        report=report.model_copy(update={"digest": part["digest"], "rows": part["rows"]}),
        source=parent.source,
        task=task,
        wanted=wanted[:90],
        visibility=parent.visibility,
        derived_from=parent,
        derivation={
            **made.job["remedy"],
            **made.job.get("with", {}),
            "part": ending,
            "from": parent.name,
            "from_digest": parent.digest,
            "rows_before": parent.rows,
            "changed": part["changed"],
        },
    )
