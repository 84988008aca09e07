"""What tasks follow in turn: whoever holds the token works on it, and says with each heartbeat that it still does."""

from django.db import models


class Leased(models.Model):
    """See runs.services.leases."""

    lease_token = models.CharField(max_length=32, blank=True)
    lease_heartbeat = models.DateTimeField(null=True)

    class Meta:
        abstract = True
