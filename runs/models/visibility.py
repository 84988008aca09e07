"""Who sees a run or a data set: its owner always, admins always, others by its visibility."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

from runs.models.user import User


class Visibility(models.TextChoices):
    PRIVATE = "private", "Only me"
    TEAM = "team", "My team"
    EVERYONE = "everyone", "Everyone here"


Row = TypeVar("Row", bound=models.Model)


class OwnedQuerySet(models.QuerySet[Row]):
    """Reads of rows that have an owner and a visibility."""

    def visible_to(self, user: User) -> Self:
        if user.is_admin:
            return self
        same_team = Q(visibility=Visibility.TEAM, owner__team=user.team_id)
        if user.team_id is None:
            same_team = Q(visibility=Visibility.TEAM, owner__team__isnull=True)
        return self.filter(Q(owner=user) | Q(visibility=Visibility.EVERYONE) | same_team)
