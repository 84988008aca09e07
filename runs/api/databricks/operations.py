"""The six operations that the client sends, each by the name of its root field."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, make_aware

from runs.api.databricks.shapes import STATUSES, event_object, labels, model_object, request_fields, run_object
from runs.models import BaseModel, Run, User
from runs.services import lifecycle, mirroring
from runs.services.origin import turned_down
from runs.services.refused import CannotCancel, CannotDelete, Invalid, NotAllowed, Refused
from runs.services.resending import once_if_resent

Variables = Mapping[str, Any]
A_PAGE, LARGEST_PAGE = 100, 1_000


def constants(by: User, _variables: Variables) -> Any:
    return {"models": [model_object(model) for model in BaseModel.objects.usable_by(by)]}


def create(by: User, variables: Variables) -> Any:
    config = (variables.get("createFinetuneData") or {}).get("config")
    if not isinstance(config, dict):
        raise Invalid("Bad run request: config is a required field")
    asked = lifecycle.read_request(request_fields(config))
    run = once_if_resent(
        by=by,
        text=json.dumps(variables, sort_keys=True),
        make=lambda: lifecycle.submit(by=by, asked=asked, labels=labels(config), waits=True),
        earlier=lambda name: Run.objects.alive().filter(owner=by, name=name).first(),
    )
    mirroring.mirror_soon([run])  # the client shows no run without its experiment
    return run_object(run)


def page(by: User, variables: Variables) -> Any:
    wanted = variables.get("getFinetunesPaginatedData") or {}
    emails = (wanted.get("entity") or {}).get("emails")
    rows = _filtered(by, wanted.get("filters") or {})
    if emails:
        rows = rows.filter(owner__email__in=emails)
    after, limit = _cursor(wanted.get("cursor")), _limit(wanted.get("limit"))
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk").select_related("owner").prefetch_related("events")[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    mirroring.mirror_soon(run for run in found if not run.mlflow_run_id)
    return {
        "cursor": base64.urlsafe_b64encode(str(found[-1].pk).encode()).decode() if more else None,
        "hasNextPage": more,
        "finetunes": [run_object(run) for run in found],
    }


def events(by: User, variables: Variables) -> Any:
    run = lifecycle.find(by=by, name=str((variables.get("getFinetuneEventsData") or {}).get("name", "")))
    return [event_object(event) for event in run.events.all()]


def stop(by: User, variables: Variables) -> Any:
    """Cancel those that can be; the answer names the runs that were."""
    reason = str((variables.get("stopFinetunesData") or {}).get("reason", ""))
    return _each(by, variables, lambda run: lifecycle.cancel(run=run, by=by, reason=reason), CannotCancel)


def delete(by: User, variables: Variables) -> Any:
    def remove(run: Run) -> Run:
        lifecycle.delete(run=run, by=by)
        return run

    return _each(by, variables, remove, CannotDelete)


def _each(by: User, variables: Variables, act: Callable[[Run], Run], refusal: type[Refused]) -> list[dict[str, Any]]:
    filters = (variables.get("getFinetunesData") or {}).get("filters") or {}
    if not filters:
        raise Invalid("Name the runs, or the experiment whose runs are meant.")
    acted = []
    for run in _filtered(by, filters).select_related("owner"):
        try:
            acted.append(run_object(act(run), details=False))
        except (refusal, NotAllowed) as error:
            turned_down(error)
    return acted


def _filtered(by: User, filters: Mapping[str, Any]) -> QuerySet[Run]:
    rows = Run.objects.visible_to(by).filter(deleted_at__isnull=True)
    lookups = {"name": "name", "status": "status", "mlflowExperimentId": "mlflow_experiment_id", "createdAt": "created_at"}
    for field, conditions in filters.items():
        if field not in lookups or not isinstance(conditions, dict):
            raise Invalid(f"Runs cannot be filtered by {field}.")
        if not conditions:
            raise Invalid(f'The filter by {field} is empty. Name what is wanted, as in {{"in": [...]}}.')
        for operator, value in conditions.items():
            rows = rows.filter(**{_lookup(lookups[field], operator): _value(field, value)})
    return rows


def _lookup(column: str, operator: str) -> str:
    known = {"in": "__in", "equals": "", "lt": "__lt", "lte": "__lte", "gt": "__gt", "gte": "__gte"}
    if operator not in known:
        raise Invalid(f"There is no filter operator {operator}.")
    return column + known[operator]


def _value(field: str, value: Any) -> Any:
    if value is None:
        raise Invalid(f"The filter by {field} compares with null.")
    if field == "status" and isinstance(value, list):
        return [*value, *(ours for ours, theirs in STATUSES.items() if theirs in value)]
    if field != "createdAt":
        return value
    try:
        time = parse_datetime(str(value))
    except ValueError:  # as the 30th of February
        time = None
    if time is None:
        raise Invalid(f"“{value}” is not a date and time.")
    return time if is_aware(time) else make_aware(time)


def _limit(asked: Any) -> int:
    """Rows of a page. Whatever is missing, null or 0 is the client's own 100."""
    if not asked:
        return A_PAGE
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        raise Invalid(f"limit must be a whole number from 1 to {LARGEST_PAGE:,}.")
    return min(asked, LARGEST_PAGE)


def _cursor(text: Any) -> int | None:
    if not text:
        return None
    try:
        return int(base64.urlsafe_b64decode(str(text)))
    except (ValueError, binascii.Error):
        raise Invalid("The cursor is not one of ours.") from None


OPERATIONS: dict[str, Callable[[User, Variables], Any]] = {
    "getFinetuneConstants": constants,
    "createFinetune": create,
    "getFinetunesPaginated": page,
    "getFinetuneEvents": events,
    "stopFinetunes": stop,
    "deleteFinetunes": delete,
}
WRITES = frozenset({"createFinetune", "stopFinetunes", "deleteFinetunes"})
