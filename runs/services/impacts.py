"""What depends on a base model, for an admin to see before it is retired, and for people to be told."""

from dataclasses import dataclass

from django.db.models import Q

from runs.models import BaseModel, Draft, ModelVersion, Run, RunStatus, User
from runs.models.status import LEASED, WAITING


@dataclass(frozen=True)
class Impact:
    """Everything by name, so that it can be looked at; the counts are their lengths."""

    waiting: list[Run]
    paused: list[Run]
    running: list[Run]
    drafts: list[Draft]
    versions: list[ModelVersion]
    people: list[User]


def impact(model: BaseModel) -> Impact:
    runs = list(Run.objects.alive().filter(base_model=model).active().select_related("owner").order_by("created_at"))
    return Impact(
        waiting=[run for run in runs if run.status in WAITING],
        paused=[run for run in runs if run.status == RunStatus.PAUSED],
        running=[run for run in runs if run.status in LEASED],
        drafts=list(drafts(model)),
        versions=list(ModelVersion.objects.filter(run__base_model=model).select_related("run__owner")),
        people=list(people(model)),
    )


def drafts(model: BaseModel) -> list[Draft]:
    return list(Draft.objects.filter(run__isnull=True, values__model=model.name).select_related("owner"))


def people(model: BaseModel) -> list[User]:
    """Whoever has a run, a registered version or a draft of it, and can still log in."""
    drafting = Draft.objects.filter(run__isnull=True, values__model=model.name).values("owner")
    running = Run.objects.filter(Q(deleted_at__isnull=True) | Q(version__isnull=False), base_model=model).values("owner")
    return list(User.objects.filter(Q(pk__in=drafting) | Q(pk__in=running), is_active=True))
