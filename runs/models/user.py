"""People, their roles and teams."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    SCIENTIST = "scientist", "Data scientist"
    VIEWER = "viewer", "Viewer"

    SERVICE = "service", "Service account"


class Right(models.TextChoices):
    """What an operation asks for; a token's scopes are the same four."""

    READ = "read", "Read"
    TRAIN = "train", "Train"
    DEPLOY = "deploy", "Deploy"
    ADMIN = "admin", "Administer"


# What each role may do at most. Training and deploying can be taken from a person one by one.
RIGHTS: dict[str, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.SCIENTIST: frozenset({Right.READ, Right.TRAIN, Right.DEPLOY}),
    Role.SERVICE: frozenset({Right.READ, Right.TRAIN, Right.DEPLOY}),
    Role.VIEWER: frozenset({Right.READ}),
}


class Team(models.Model):
    """People who see one another's runs and data sets."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.SCIENTIST)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="people")

    training = models.BooleanField("may train", default=True, help_text="Where the role allows it: upload data, start runs.")
    deploying = models.BooleanField(
        "may deploy", default=True, help_text="Where the role allows it: register models, change and remove what is registered."
    )

    scopes: frozenset[Right] | None = None  # of the token that this request came with, if it came with one

    class Meta:
        ordering = ("username",)
        verbose_name, verbose_name_plural = "person", "people"

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
    def own_rights(self) -> frozenset[Right]:
        """Those of the role, less what was taken from this person. Nothing is taken from an admin."""
        if not self.is_active:
            return frozenset()
        taken = set()
        if self.role != Role.ADMIN:
            taken = {right for right, kept in ((Right.TRAIN, self.training), (Right.DEPLOY, self.deploying)) if not kept}
        return RIGHTS[self.role] - taken

    @property
    def rights(self) -> frozenset[Right]:
        """What the present request may do: a token of few scopes does less than its person."""
        return self.own_rights if self.scopes is None else self.own_rights & self.scopes

    @property
    def may_train(self) -> bool:
        return Right.TRAIN in self.rights

    @property
    def may_deploy(self) -> bool:
        return Right.DEPLOY in self.rights

    @property
    def address(self) -> str:
        """The e-mail address, or a stand-in of the same shape: clients of the original service expect one."""
        return self.email or f"{self.username}@localhost"
