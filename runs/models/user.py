"""People, their roles and teams."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    SCIENTIST = "scientist", "Data scientist"
    VIEWER = "viewer", "Viewer"


class Team(models.Model):
    """People who see one another's runs and data sets."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.SCIENTIST)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="people")

    class Meta:
        ordering = ("username",)

    def save(self, *args: object, **kwargs: object) -> None:
        """An admin of the product may open the console; nobody else may."""
        if self.is_superuser:
            self.role = Role.ADMIN
        self.is_staff = self.role == Role.ADMIN
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == Role.ADMIN

    @property
    def may_train(self) -> bool:
        return self.is_active and self.role in (Role.ADMIN, Role.SCIENTIST)

    @property
    def address(self) -> str:
        """The e-mail address, or a stand-in of the same shape: clients of the original service expect one."""
        return self.email or f"{self.username}@localhost"
