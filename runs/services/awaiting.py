"""Runs whose data are still being checked: pending until the last row is good, failed with what was found when one is not."""

import logging

from django.db import transaction

from runs.contract.events import EventType, Fault
from runs.models import DataSet, Run, RunStatus, Taking
from runs.services import quotas, settling, timeline
from runs.services.checks import limits
from runs.services.refused import DoesNotFit, Refused, StillCounting, UnknownData
from runs.services.room import refuse_what_never_fits
from runs.services.specification import resolved
from runs.services.taking import refusal

log = logging.getLogger(__name__)
FIELDS = {"dataset": ("train_data_path", "data_check"), "eval_dataset": ("eval_data_path", "eval_data_check")}


def collect() -> None:
    """Give waiting runs the data that were checked meanwhile. One that cannot be looked at keeps no other from its turn."""
    waiting = Run.objects.filter(status=RunStatus.PENDING, awaits_data=True)
    for pk in waiting.order_by("created_at", "pk").values_list("pk", flat=True):
        try:
            _collect(pk)
        except Exception:  # whatever it is: the queue of everybody comes after this
            log.exception("The data of waiting run %s could not be looked at. They will be again.", pk)


@transaction.atomic
def _collect(pk: int) -> None:
    rows = Run.objects.filter(status=RunStatus.PENDING, awaits_data=True).select_for_update(of=("self",), skip_locked=True)
    run = rows.filter(pk=pk).select_related("base_model", "owner", "data_check__dataset", "eval_data_check__dataset").first()
    if run is None:
        return
    try:
        with transaction.atomic():
            if not _have_come(run):
                timeline.tell(run)  # how far it is
                return
            _rules_of_data(run)
    except StillCounting:
        return
    except Refused as refused:
        fault = Fault.MEMORY if isinstance(refused, DoesNotFit) else Fault.DATA
        settling.fail(run, fault, refused.message, "Mend that and start the run again.")
        return
    run.awaits_data, run.details = False, "Waiting for a worker."
    run.save()
    timeline.add(run, EventType.CHECK_PASSED, f"Data checked: {run.data.rows:,} rows.")


def _have_come(run: Run) -> bool:
    """Whether all its data are here; they are its own from now on. Raises why they never will be."""
    for name, (field, check) in FIELDS.items():
        if run.request.get(field) and getattr(run, name) is None:
            found = _of(getattr(run, check), field)
            if found is None:
                return False
            setattr(run, name, found)
    return True


def _of(check: Taking | None, field: str) -> DataSet | None:
    """What a check made, None while it is under way."""
    if check is not None and check.is_under_way:
        return None
    if check is not None and check.is_refused:
        raise refusal(check, field)
    if check is None or check.dataset is None:
        raise UnknownData("The check of its data was stopped, or they were deleted before the run began.", field=field)
    return check.dataset


def _rules_of_data(run: Run) -> None:
    """The rules that could not be looked at before."""
    limits(run.asked, run.base_model, run.data)
    run.expected_bytes = refuse_what_never_fits(run.base_model, run.data, resolved(run.asked, run.base_model))
    quotas.may_keep(run.owner, run.expected_bytes)
