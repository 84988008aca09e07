"""Our side of the model registry: which run became which version."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.run import Run
from runs.models.user import User
from runs.models.visibility import Owned, OwnedQuerySet


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def visible_to(self, user: User) -> Self:
        """Versions under names that this person sees; a deleted run's versions stay."""
        of_run = Q(run__in=Run.objects.visible_to(user)) & ~Q(name__in=RegisteredModel.objects.values("name"))
        return self.filter(Q(name__in=RegisteredModel.objects.visible_to(user).values("name")) | of_run)


class RegisteredModelQuerySet(OwnedQuerySet["RegisteredModel"]):
    pass


class RegisteredModel(Owned):
    """A name in the registry: of whom it is, and who sees its versions. Made with the first of them."""

    name = models.CharField(max_length=255, unique=True, help_text="catalog.schema.model")
    created_at = models.DateTimeField(default=timezone.now)

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    run = models.OneToOneField("runs.Run", on_delete=models.PROTECT, related_name="version")
    name = models.CharField(max_length=255, db_index=True, help_text="catalog.schema.model")
    version = models.PositiveIntegerField()
    uri = models.CharField(max_length=500, help_text="models:/<name>/<version>")
    bytes = models.PositiveBigIntegerField(null=True, help_text="What the registry keeps of it; null until it was weighed")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ("name", "-version")
        verbose_name = "registered version"
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="model_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
