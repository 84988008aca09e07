"""Sessions: who is logged in where, and ending them."""

from datetime import timedelta

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from runs.models import User
from runs.models.login import Visit
from runs.services.audit import record
from runs.services.refused import NotFound

SEEN_EVERY = timedelta(minutes=5)


@receiver(user_logged_in)
def began(request: HttpRequest, user: User, **_: object) -> None:
    key = request.session.session_key or ""
    if not key:
        request.session.save()
        key = request.session.session_key or ""
    where = {"address": str(request.META.get("REMOTE_ADDR", ""))[:64], "browser": request.headers.get("User-Agent", "")[:200]}
    Visit.objects.update_or_create(key=key, defaults={"user": user, "seen_at": timezone.now(), **where})


def seen(request: HttpRequest) -> None:
    """Note, at most every few minutes, that somebody is still there."""
    key, now = request.session.session_key, timezone.now()
    Visit.objects.filter(key=key, seen_at__lt=now - SEEN_EVERY).update(seen_at=now)


def open_visits(user: User) -> QuerySet[Visit]:
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return Visit.objects.filter(user=user, key__in=alive)


@transaction.atomic
def end(*, by: User, pk: int) -> None:
    visit = Visit.objects.filter(user=by, pk=pk).first()
    if visit is None:
        raise NotFound("You have no such session.")
    _end(by, [visit])


@transaction.atomic
def end_others(*, by: User, key: str | None) -> None:
    """All of a person's sessions but the one with this key."""
    _end(by, list(Visit.objects.filter(user=by).exclude(key=key or "")))


def moved(*, user: User, old: str | None, new: str | None) -> None:
    """A session has a new key, as after a change of password."""
    Visit.objects.filter(user=user, key=old or "").update(key=new or "")


def _end(by: User, visits: list[Visit]) -> None:
    Session.objects.filter(session_key__in=[visit.key for visit in visits]).delete()
    Visit.objects.filter(pk__in=[visit.pk for visit in visits]).delete()
    if visits:
        record("session.end", by, by=by, sessions=len(visits))
