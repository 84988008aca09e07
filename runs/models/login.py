"""What logging in leaves: attempts to count, second factors, sessions to list, invitations to accept."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.sealed import SealedField
from runs.models.user import Role, Team, User


class Attempt(models.Model):
    """Somebody tried something that is counted. `key` is a digest: what was typed as a name may have been a password."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["key", "at"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"attempt at {self.at}"


class SecondFactor(models.Model):
    """A secret that an authenticator app shares. It counts once a code has confirmed it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = SealedField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.PositiveBigIntegerField(default=0, help_text="The last time step whose code was taken")

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCode(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


# In what a browser says of itself, most name others as well: the first that is found counts.
PROGRAMS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iP", "iOS"), ("Mac OS", "macOS"), ("Linux", "Linux"))


class Visit(models.Model):
    """A session in which somebody is logged in."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="visits")
    key = models.CharField(max_length=40, unique=True, help_text="Of the session")
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-seen_at",)

    def __str__(self) -> str:
        return f"{self.user} from {self.address}"

    @property
    def device(self) -> str:
        """`Firefox on Linux`, as far as the browser says so."""
        program, system = (next((name for sign, name in signs if sign in self.browser), "") for signs in (PROGRAMS, SYSTEMS))
        return " on ".join(filter(None, (program, system))) or self.browser[:40] or "unknown"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        return self.filter(Q(expires_at__gt=timezone.now()), accepted_by__isnull=True, withdrawn_at__isnull=True)


class Invitation(models.Model):
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.SCIENTIST)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="invitations")
    hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_by = models.OneToOneField(User, null=True, on_delete=models.PROTECT, related_name="invited_by")
    withdrawn_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, blank=True, help_text="runs.services.mailing.Mailed")
    mail_reason = models.CharField(max_length=300, blank=True, help_text="Why it could not be mailed")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return f"invitation of {self.email}"
