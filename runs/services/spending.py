"""What a person or a team uses: runs at once, device hours of this month, storage. Added up from rows, and kept nowhere."""

from dataclasses import dataclass

from django.db.models import DecimalField, F, Model, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from runs.models import Checkpoint, DataSet, ModelVersion, Run, Team, User
from runs.models.run import RunQuerySet
from runs.models.status import ACTIVE
from runs.services import hours

PROMISED = "expected of runs at work"

COUNTED = (
    "Data sets count, each for itself, with the file as it came where a program is to get it back; so do run folders with "
    "their checkpoints, registered versions, and what runs at work are expected to keep. Base models and files in volumes "
    "belong to all and do not count, nor do unfinished uploads, nor what is logged to MLflow besides registered versions."
)

Whose = dict[str, User] | dict[str, Team]


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes, by what they are of. What does not count is said in COUNTED, for people."""

    data: int
    runs: int
    registered: int
    promised: int  # what runs at work will keep beyond what they keep already

    @property
    def total(self) -> int:
        return self.data + self.runs + self.registered + self.promised

    @property
    def parts(self) -> dict[str, int]:
        kept = {"data sets": self.data, "runs": self.runs, "registered models": self.registered}
        return {**kept, PROMISED: self.promised} if self.promised else kept


@dataclass(frozen=True, slots=True)
class Spending:
    runs_at_once: int
    device_hours: float
    storage: Storage


def spending(of: User | Team) -> Spending:
    return Spending(runs_at_once(of), device_hours(of), storage(of))


def runs_at_once(of: User | Team) -> int:
    return Run.objects.alive().filter(status__in=ACTIVE, **_mine(of)).count()


def device_hours(of: User | Team) -> float:
    """A deleted run has used its devices all the same."""
    return hours.this_month(Run.objects.filter(**_mine(of)))


def storage(of: User | Team) -> Storage:
    """Folders of deleted runs are gone; versions that were registered from them are not."""
    mine = _mine(of)
    inside = {f"run__{key}": value for key, value in mine.items()}
    kept = Checkpoint.objects.filter(deleted_at=None, run__deleted_at=None, **inside)
    return Storage(
        data=_sum(DataSet.objects.filter(**mine)) + _sum(DataSet.objects.filter(**mine), "original_bytes"),
        runs=_sum(Run.objects.alive().filter(**mine)) + _sum(kept),
        registered=_sum(ModelVersion.objects.filter(**inside)),
        promised=_promised(Run.objects.alive().filter(**mine)),
    )


def _promised(runs: RunQuerySet) -> int:
    """A run is expected to grow until it has ended and its version was weighed; one larger than expected gives nothing back."""
    growing = runs.filter(Q(status__in=ACTIVE) | Q(version__isnull=False, version__bytes=None))
    kept = Checkpoint.objects.filter(run=OuterRef("pk"), deleted_at=None).order_by().values("run")
    checkpoints = Coalesce(Subquery(kept.annotate(total=Sum("bytes")).values("total")), 0)
    left = Greatest(F("expected_bytes") - F("bytes") - checkpoints, 0)
    return int(growing.aggregate(total=Sum(left, output_field=DecimalField()))["total"] or 0)


def _sum(rows: QuerySet[Model], column: str = "bytes") -> int:
    return int(rows.aggregate(total=Sum(column))["total"] or 0)


def _mine(of: User | Team) -> Whose:
    return {"owner": of} if isinstance(of, User) else {"team": of}
