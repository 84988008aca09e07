"""What a person or a team uses: runs at once, device hours of this month, storage. Added up from rows, and kept nowhere."""

from dataclasses import dataclass

from django.db.models import Model, QuerySet, Sum

from runs.models import Checkpoint, DataSet, ModelVersion, Run, Team, User
from runs.models.status import ACTIVE
from runs.services import hours

Whose = dict[str, User] | dict[str, Team]


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes, by what they are of. Base models and files in volumes belong to all, and are nobody's."""

    data: int
    runs: int
    registered: int

    @property
    def total(self) -> int:
        return self.data + self.runs + self.registered

    @property
    def parts(self) -> dict[str, int]:
        return {"data sets": self.data, "runs": self.runs, "registered models": self.registered}


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
        data=_sum(DataSet.objects.filter(**mine)),
        runs=_sum(Run.objects.alive().filter(**mine)) + _sum(kept),
        registered=_sum(ModelVersion.objects.filter(**inside)),
    )


def _sum(rows: QuerySet[Model]) -> int:
    return int(rows.aggregate(total=Sum("bytes"))["total"] or 0)


def _mine(of: User | Team) -> Whose:
    return {"owner": of} if isinstance(of, User) else {"team": of}
