"""Base models on offer, their licences, and who accepted which text."""

from datetime import date
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.user import Team, User

NOTICE_DAYS = 90  # days between the announcement of a retirement and the day itself, unless an admin says otherwise


class State(models.TextChoices):
    """Active -> deprecated (notice given: those who already use it go on) -> retired, by the date alone."""

    ACTIVE = "active", "Active"
    DEPRECATED = "deprecated", "Deprecated"
    RETIRED = "retired", "Retired"
    DISABLED = "disabled", "Switched off"


class Licence(models.Model):
    key = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    version_date = models.DateField(null=True, blank=True)
    url = models.URLField(blank=True)
    policy_url = models.URLField(blank=True, help_text="Acceptable use policy")
    notice = models.TextField()
    obligations = ArrayField(models.TextField(), default=list, blank=True)
    name_prefix = models.CharField(max_length=50, blank=True, help_text="Derived models' names must begin with this")
    attribution = models.TextField(blank=True, help_text="The line that whoever uses or offers a derived model shows")
    notice_file = models.BooleanField(default=False, help_text="The line of attribution goes along in a file called Notice")
    user_threshold = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Monthly users above which a licence of their own must be asked for"
    )
    text = models.TextField(blank=True, help_text="The licence itself, where it is kept here; else what is at the link counts")
    shipped = models.JSONField(
        default=dict, editable=False, help_text="The entry as the product shipped it, to see an admin's changes"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class BaseModelQuerySet(models.QuerySet["BaseModel"]):
    def offered(self, on: date | None = None) -> Self:
        """Models that a new run may use."""
        return self.filter(Q(retires_on__isnull=True) | Q(retires_on__gt=on or timezone.localdate()), enabled=True)

    def retired(self, on: date | None = None) -> Self:
        return self.filter(retires_on__lte=on or timezone.localdate())

    def permitted_to(self, user: User) -> Self:
        """Models that are not kept for other roles or teams. Admins, who decide on that, may use all."""
        if user.is_admin:
            return self
        ours = self.model.objects.filter(teams=user.team_id).values("pk") if user.team_id else []
        return self.filter(Q(roles=[]) | Q(roles__contains=[user.role])).filter(Q(teams__isnull=True) | Q(pk__in=ours))

    def usable_by(self, user: User) -> Self:
        """Models that this person may start a new run of: one that is leaving takes no new people."""
        used = self.model.objects.filter(runs__owner=user).values("pk")
        return self.offered().permitted_to(user).filter(Q(retires_on__isnull=True) | Q(pk__in=used))


class BaseModel(models.Model):
    name = models.CharField(max_length=200, unique=True, help_text="As in meta-llama/Llama-3.2-1B-Instruct")
    display_name = models.CharField(max_length=200)
    family = models.CharField(max_length=100)
    parameters = models.PositiveBigIntegerField()
    max_context_length = models.PositiveIntegerField(help_text="Tokens")
    task_types = ArrayField(models.CharField(max_length=32))
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="base_models")
    architecture = models.JSONField(default=dict, blank=True, help_text="Layer counts and widths, for the memory estimate")
    defaults = models.JSONField(default=dict, blank=True, help_text="Hyperparameters that differ from the general defaults")
    folder = models.CharField(
        max_length=1_000,
        blank=True,
        help_text="With config.json and *.safetensors, here or in a volume; empty: in the models folder, by its name",
    )
    hub_id = models.CharField(max_length=200, blank=True, help_text="Where the weights come from: organisation/model")
    revision = models.CharField(max_length=64, blank=True, help_text="Commit, tag or branch at the hub")
    roles = ArrayField(models.CharField(max_length=16), default=list, blank=True, help_text="Who may use it; empty: every role")
    teams = models.ManyToManyField(Team, blank=True, related_name="base_models", help_text="Who may use it; none: every team.")
    enabled = models.BooleanField(default=True)
    verification = models.JSONField(default=dict, editable=False, help_text="runs.services.verifying.Finding, the last one")
    announced_on = models.DateField(null=True, blank=True, help_text="Day on which the retirement was announced")
    retires_on = models.DateField(null=True, blank=True, help_text="First day without this model")
    replacement = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaces")
    retirement_reason = models.TextField(blank=True)
    carried_out_on = models.DateField(null=True, editable=False, help_text="The date of retirement that has been carried out")
    shipped = models.JSONField(
        default=dict, editable=False, help_text="The entry as the product shipped it, to see an admin's changes"
    )

    objects = BaseModelQuerySet.as_manager()

    class Meta:
        ordering = ("family", "parameters", "name")

    def __str__(self) -> str:
        return self.name

    @property
    def is_retired(self) -> bool:
        return self.retires_on is not None and self.retires_on <= timezone.localdate()

    @property
    def is_leaving(self) -> bool:
        """Announced, and still on offer to those who already use it."""
        return self.retires_on is not None and not self.is_retired

    @property
    def state(self) -> State:
        if self.is_retired:
            return State.RETIRED
        if not self.enabled:
            return State.DISABLED
        return State.DEPRECATED if self.is_leaving else State.ACTIVE


class LicenceAcceptance(models.Model):
    """Who accepted which text, when. Asked again when the text changes."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acceptances")
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="acceptances")
    text_digest = models.CharField(max_length=80)
    accepted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "licence", "text_digest"], name="licence_accepted_once_per_text")
        ]

    def __str__(self) -> str:
        return f"{self.user} accepted {self.licence} on {self.accepted_at:%Y-%m-%d}"
