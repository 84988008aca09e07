"""What a person sees and may change in MLflow: stated here, asked by every call that is passed on.

A run of ours        is seen by whoever sees the run, changed by its owner, deleted by nobody here.
A run of a script's  is its maker's alone.
An experiment        is seen by its maker and by whoever sees a run in it, changed by its maker; with our runs in it, it stays.
A version            is seen by its maker and by whoever sees the run it came from, changed by its maker and that run's owner.
A registered model   is seen by its maker and by whoever sees a version of it, changed by its maker and by who owns all of them.

Versions of our runs, and models that have one, are not deleted. Admins see and change everything, viewers change nothing, and
what somebody may not see is not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from runs.models import ModelVersion, Record, RecordKind, Run, User
from runs.services.permissions import require


@dataclass(frozen=True)
class Sight:
    user: User

    def _ours(self) -> QuerySet[Run]:
        """Runs of ours that are in MLflow, and that this person sees."""
        return Run.objects.alive().visible_to(self.user).exclude(mlflow_run_id="")

    def _made(self, kind: RecordKind) -> QuerySet[Record]:
        return Record.objects.of(self.user, kind)

    # Runs and experiments

    def sees_run(self, key: str) -> bool:
        return self.user.is_admin or self._ours().filter(mlflow_run_id=key).exists() or self.made(RecordKind.RUN, key)

    def sees_experiment(self, key: str) -> bool:
        if self.user.is_admin or self._ours().filter(mlflow_experiment_id=key).exists():
            return True
        return self.made(RecordKind.EXPERIMENT, key) or self._made(RecordKind.RUN).filter(parent=key).exists()

    def runs_in(self, experiments: Iterable[str]) -> list[str]:
        """MLflow's ids of the runs in these experiments that this person sees."""
        wanted = list(experiments)
        ours = self._ours().filter(mlflow_experiment_id__in=wanted).values_list("mlflow_run_id", flat=True)
        return [*ours, *self._made(RecordKind.RUN).filter(parent__in=wanted).values_list("key", flat=True)]

    def changes_run(self, key: str) -> bool:
        own = self.user.is_admin or Run.objects.alive().filter(owner=self.user, mlflow_run_id=key).exists()
        return self.user.may_train and (own or self.made(RecordKind.RUN, key))

    def changes_experiment(self, key: str) -> bool:
        return self.user.may_train and (self.user.is_admin or self.made(RecordKind.EXPERIMENT, key))

    # Registry

    def sees_version(self, name: str, number: str) -> bool:
        if self.user.is_admin or self.made(RecordKind.VERSION, f"{name}/{number}"):
            return True
        return number.isdecimal() and ModelVersion.objects.visible_to(self.user).filter(name=name, version=int(number)).exists()

    def sees_model(self, name: str) -> bool:
        if self.user.is_admin or ModelVersion.objects.visible_to(self.user).filter(name=name).exists():
            return True
        return self.made(RecordKind.MODEL, name) or self._made(RecordKind.VERSION).filter(parent=name).exists()

    def changes_version(self, name: str, number: str) -> bool:
        versions = ModelVersion.objects.filter(name=name, version=int(number) if number.isdecimal() else 0)
        own = self.user.is_admin or versions.filter(run__owner=self.user).exists()
        return self.user.may_deploy and (own or self.made(RecordKind.VERSION, f"{name}/{number}"))

    def changes_model(self, name: str) -> bool:
        if self.user.is_admin or not self.user.may_deploy:
            return self.user.may_deploy
        versions = ModelVersion.objects.filter(name=name)
        others = versions.exclude(run__owner=self.user).exists()
        foreign = Record.objects.filter(parent=name, kind=RecordKind.VERSION).exclude(owner=self.user).exists()
        return self.made(RecordKind.MODEL, name) or (versions.exists() and not others and not foreign)

    # What was made

    def made(self, kind: RecordKind, key: str) -> bool:
        return self._made(kind).filter(key=key).exists()

    def remember(self, kind: RecordKind, key: str, parent: str = "") -> None:
        Record.objects.get_or_create(kind=kind, key=key, defaults={"owner": self.user, "parent": parent})

    def must_train(self) -> None:
        require(self.user, "record.change")

    def must_deploy(self) -> None:
        require(self.user, "registered.create")


def is_ours(**lookups: Any) -> bool:
    """Whether a run of ours is behind it: then it stays, so that what was trained can be explained."""
    return Run.objects.filter(**lookups).exists()


def has_our_version(name: str, number: str = "") -> bool:
    versions = ModelVersion.objects.filter(name=name)
    return (versions.filter(version=int(number)) if number.isdecimal() else versions).exists()
