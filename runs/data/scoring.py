"""How well answers match expected JSON records. Pure, no model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1 over all answers."""

    valid: float  # the answer is one JSON object and nothing else
    exact: float  # and equals the expected object
    field_accuracy: float  # mean share of the expected fields with the expected value; an invalid answer has none right


def score_json(answers: Sequence[str], expected: Sequence[str]) -> Score:
    """Score each answer against the JSON object expected. Raises ValueError when the lengths differ or nothing is expected."""
    if len(answers) != len(expected) or not expected:
        raise ValueError(f"{len(answers)} answers cannot be scored against {len(expected)} expected ones.")
    given = [_record(answer) for answer in answers]
    wanted = [_record(text) for text in expected]
    if any(not record for record in wanted):
        raise ValueError("Each expected answer must be a JSON object with at least one field.")
    total = len(wanted)
    return Score(
        valid=sum(record is not None for record in given) / total,
        exact=sum(record == right for record, right in zip(given, wanted, strict=True)) / total,
        field_accuracy=sum(_share(record or {}, right or {}) for record, right in zip(given, wanted, strict=True)) / total,
    )


def _record(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _share(record: dict[str, Any], right: dict[str, Any]) -> float:
    hits = sum(key in record and bool(record[key] == value) for key, value in right.items())
    return hits / len(right)
