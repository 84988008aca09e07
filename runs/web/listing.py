"""The list of runs as its address asks for it: search, filters, order, page. What makes no sense in an address is ignored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.core.paginator import Page, Paginator
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.fields import DurationField
from django.db.models.functions import Coalesce, Now
from django.http import QueryDict
from django.utils import timezone

from runs.models import Run, RunStatus, User
from runs.models.run import RunQuerySet
from runs.models.status import LEASED, WAITING

A_PAGE = 25
GROUPS: Mapping[str, tuple[str, frozenset[RunStatus]]] = {
    "running": ("Running", LEASED),
    "queued": ("Queued", WAITING),
    "paused": ("Paused", frozenset({RunStatus.PAUSED})),
    "completed": ("Completed", frozenset({RunStatus.COMPLETED})),
    "stopped": ("Stopped", frozenset({RunStatus.STOPPED})),
    "failed": ("Failed", frozenset({RunStatus.FAILED})),
}
SINCE = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}  # days
SORTS = {
    "name": F("name"),
    "status": F("status"),
    "model": F("base_model__display_name"),
    "data": F("dataset__name"),
    "loss": F("last_loss"),
    "duration": F("spent"),
    "created": F("created_at"),
    "owner": F("owner__username"),
}


@dataclass(frozen=True, slots=True)
class Counter:
    key: str
    label: str
    count: int
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


class Listing:
    """Everything the dashboard shows, in a constant number of queries."""

    def __init__(self, user: User, query: QueryDict) -> None:
        self.query = query
        self.runs = Run.objects.alive().visible_to(user)
        self.q = query.get("q", "").replace("\0", "").strip()[:200]
        self.status = query.get("status", "") if query.get("status") in GROUPS else ""
        self.since = query.get("since", "") if query.get("since") in SINCE else ""
        self.model, self.data, self.person = (query.get(key, "").replace("\0", "")[:200] for key in ("model", "data", "person"))
        asked = query.get("sort", "")
        self.sort = asked if asked.removeprefix("-") in SORTS else "-created"

    @cached_property
    def _filtered(self) -> RunQuerySet:
        """By everything but the status, which the counters count."""
        found: RunQuerySet = self.runs
        if self.q:
            found = found.filter(
                Q(name__icontains=self.q)
                | Q(base_model__display_name__icontains=self.q)
                | Q(dataset__name__icontains=self.q)
                | Q(register_to__icontains=self.q)
                | Q(details__icontains=self.q)
            )
        if self.since:
            found = found.filter(created_at__gte=timezone.now() - timedelta(days=int(self.since)))
        exact = {"base_model__name": self.model, "dataset__name": self.data, "owner__username": self.person}
        return found.filter(**{key: value for key, value in exact.items() if value})

    @cached_property
    def page(self) -> Page[Run]:
        found = self._filtered.select_related("owner", "base_model", "dataset", "version")
        if self.status:
            found = found.filter(status__in=GROUPS[self.status][1])
        spent = ExpressionWrapper(Coalesce("completed_at", Now()) - F("started_at"), output_field=DurationField())
        key = SORTS[self.sort.removeprefix("-")]
        order = key.desc(nulls_last=True) if self.sort.startswith("-") else key.asc(nulls_last=True)
        return Paginator(found.annotate(spent=spent).order_by(order, "-pk"), A_PAGE).get_page(self.query.get("page"))

    @cached_property
    def counters(self) -> list[Counter]:
        by_status = self._filtered.by_status()
        return [
            Counter(
                key, label, sum(by_status.get(status, 0) for status in group), self._status_address(key), key == self.status
            )
            for key, (label, group) in GROUPS.items()
        ]

    def _status_address(self, key: str) -> str:
        return self.address(status="" if key == self.status else key, page="")

    def address(self, **changes: str) -> str:
        """This list with something else; empty values leave the address."""
        query = self.query.dict() | changes
        made = QueryDict(mutable=True)
        made.update({key: str(value) for key, value in query.items() if value})
        return "?" + made.urlencode()

    def sort_address(self, key: str) -> str:
        """First click up or, for numbers and times, down; the next one turns it round."""
        first = f"-{key}" if key in ("created", "duration") else key
        other = key if first.startswith("-") else f"-{key}"
        return self.address(sort=other if self.sort == first else first, page="")

    @cached_property
    def models(self) -> list[Choice]:
        return self._choices("base_model__name", "base_model__display_name")

    @cached_property
    def datasets(self) -> list[Choice]:
        return self._choices("dataset__name", "dataset__name")

    @cached_property
    def people(self) -> list[Choice]:
        return self._choices("owner__username", "owner__username")

    def _choices(self, value: str, label: str) -> list[Choice]:
        pairs = self.runs.order_by(label).values_list(value, label).distinct()
        return [Choice(*pair) for pair in pairs if pair[0] is not None]

    @property
    def since_choices(self) -> list[Choice]:
        return [Choice(days, words) for days, words in SINCE.items()]

    @property
    def is_filtered(self) -> bool:
        return any((self.q, self.status, self.since, self.model, self.data, self.person))
