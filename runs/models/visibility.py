"""Who sees a run, a data set or a registered model: its owner always, admins always, others by its visibility.

A thing belongs to the team that its owner was in when it was made, and stays there when the owner moves on.
"""

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q

from runs.models.user import Team, User


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
        same_team = Q(visibility=Visibility.TEAM, team=user.team_id)
        if user.team_id is None:  # those without a team see one another's
            same_team = Q(visibility=Visibility.TEAM, team__isnull=True)
        return self.filter(Q(owner=user) | Q(visibility=Visibility.EVERYONE) | same_team)


class Owned(models.Model):
    """A thing of somebody's, and of the team that they are in when it is made."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="%(class)ss")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")
    visibility = models.CharField(max_length=16, choices=Visibility.choices, default=Visibility.TEAM)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.team_id is None:
            self.team_id = self.owner.team_id
        super().save(*args, **kwargs)
