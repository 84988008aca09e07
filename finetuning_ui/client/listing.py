"""Which runs a list holds: what REST can filter is asked of it, the rest is looked at here."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from finetuning_ui.client import connection
from finetuning_ui.client.errors import ApiError
from finetuning_ui.client.run import RunStatus, TrainingRun

LARGEST_PAGE = 200  # rows; the server's limit


@dataclass(frozen=True)
class Wanted:
    """Empty collections let everything through."""

    statuses: Collection[RunStatus] = ()
    owners: Collection[str] = ()
    before: datetime | None = None
    after: datetime | None = None
    experiment_path: str | None = None
    experiment_id: str | None = None

    def takes(self, run: TrainingRun) -> bool:
        return (
            (not self.statuses or run.status in self.statuses)
            and (not self.owners or run.created_by in self.owners)
            and (self.before is None or run.created_at < self.before)
            and (self.after is None or run.created_at >= self.after)
            and (self.experiment_path is None or run.submitted_experiment_path == self.experiment_path)
            and (self.experiment_id is None or run.experiment_id == self.experiment_id)
        )


def named(names: Iterable[str]) -> Iterator[TrainingRun]:
    """Those of these that there are."""
    for name in dict.fromkeys(names):
        try:
            yield TrainingRun.of(connection.client().run(name))
        except ApiError as error:
            if error.status != 404:
                raise


def newest(wanted: Wanted, limit: int) -> Iterator[TrainingRun]:
    """Newest first, fetched as far as it is read."""
    filters = {"limit": str(min(limit + 1, LARGEST_PAGE))}
    if wanted.statuses:
        filters["status"] = ",".join(status.value for status in wanted.statuses)
    if len(wanted.owners) == 1:
        filters["owner"] = next(iter(wanted.owners))
    if wanted.after:
        filters["since"] = wanted.after.isoformat()
    if wanted.before:
        filters["before"] = wanted.before.isoformat()
    return filter(wanted.takes, map(TrainingRun.of, connection.client().runs(**filters)))


def owners(given: Iterable[str]) -> list[str]:
    """User names; one's own e-mail address counts as one's name. Other people's addresses are not REST's to tell."""
    names = list(given)
    if any("@" in name for name in names):
        me = connection.client().whoami()
        return [me["username"] if name.lower() == str(me["email"]).lower() else name for name in names]
    return names
