"""What the frame of every page shows: the places of the rail, and how busy this installation is."""

from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.urls import reverse

from runs.models import Notice, Run, User
from runs.models.status import LEASED, WAITING
from runs.services import usage

PLACES = (
    ("Runs", "dashboard"),
    ("Data", "data"),
    ("Base models", "models"),
    ("Registered models", "registered"),
    ("Help", "help"),
)


@dataclass(frozen=True, slots=True)
class Place:
    label: str
    href: str
    current: bool


class Frame:
    """Lazy: a page without the frame asks the database nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.path, self.request = request.path, request

    @cached_property
    def unread(self) -> int:
        """Notices that this person has not looked at."""
        user = self.request.user
        return Notice.objects.filter(person=user).unread().count() if isinstance(user, User) else 0

    @cached_property
    def places(self) -> list[Place]:
        return [Place(label, href := reverse(name), self._is_below(href)) for label, name in PLACES]

    def _is_below(self, href: str) -> bool:
        return self.path.startswith("/runs/") or self.path == "/" if href == "/" else self.path.startswith(href)

    @cached_property
    def queue(self) -> list[str]:
        """`1 running`, `3 queued`, `GPU 0 82%`"""
        counts = Run.objects.alive().active().by_status()
        running = sum(counts.get(status, 0) for status in LEASED)
        queued = sum(counts.get(status, 0) for status in WAITING)
        return [f"{running} running", f"{queued} queued", *usage.devices()]


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor."""
    return {"frame": Frame(request)}
