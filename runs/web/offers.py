"""Base models as the pages show them: may a run use it, does it fit, what must be accepted first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runs import wiring
from runs.models import BaseModel, Download, LicenceAcceptance, User
from runs.models.download import Stage
from runs.services.access import text_digest
from runs.services.checks import weights_are_here
from runs.services.fetching import fetchable
from runs.services.fitting import Fit, fits


@dataclass(frozen=True)
class Offer:
    """A base model for one person."""

    model: BaseModel
    fit: Fit | None
    weights_here: bool
    folder: Path
    accepted_at: datetime | None  # when this person accepted its licence as it stands today
    coming: Download | None  # the weights, when they are being fetched
    fetchable: bool  # the weights are not here, and an admin can have them fetched
    usable: bool  # by this person: on offer, and not leaving unless they use it already

    @property
    def selectable(self) -> bool:
        return self.weights_here and self.usable

    def matches(self, words: str) -> bool:
        """Whether every word stands somewhere in what a person would look for."""
        model = self.model
        text = f"{model.name} {model.display_name} {model.family} {model.licence.name}".lower()
        return all(word in text for word in words.lower().split())


def offers(models: Iterable[BaseModel], user: User) -> list[Offer]:
    """In the order given; one query for the acceptances of all."""
    models = list(models)
    accepted = {(row.licence_id, row.text_digest): row.accepted_at for row in LicenceAcceptance.objects.filter(user=user)}
    coming = {row.base_model_id: row for row in Download.objects.filter(stage__in=[Stage.WAITING, Stage.RUNNING])}
    room, usable = fits(models), set(BaseModel.objects.usable_by(user).values_list("pk", flat=True))
    return [
        Offer(
            model=model,
            fit=room.get(model.pk),
            weights_here=weights_are_here(model),
            folder=wiring.model_folder(model),
            accepted_at=accepted.get((model.licence_id, text_digest(model.licence))),
            coming=coming.get(model.pk),
            fetchable=fetchable(model),
            usable=model.pk in usable,
        )
        for model in models
    ]


def on_offer(user: User) -> list[Offer]:
    """What a new run may choose from: those that can be used here first, then those whose weights are missing."""
    models = BaseModel.objects.offered().permitted_to(user).select_related("licence", "replacement")
    return sorted(offers(models, user), key=lambda offer: not offer.weights_here)


def one(name: str, user: User) -> Offer | None:
    model = BaseModel.objects.permitted_to(user).select_related("licence", "replacement").filter(name=name).first()
    return offers([model], user)[0] if model else None
