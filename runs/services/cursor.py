"""How far a client that follows runs has read, as a text that it gives back when it returns."""

from dataclasses import dataclass

from django.db.models import Max

from runs.models import MetricPoint, RunEvent

OVERLAP = 200  # keys: what was being written while the client read its last event


@dataclass(frozen=True, slots=True)
class Cursor:
    """Keys of the last metric point and the last timeline entry that were handed out, of whichever run."""

    point: int = 0
    event: int = 0

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """`12-7`, as `str` writes it; None for anything else."""
        point, _, event = text.partition("-")
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (point, event)):
            return None
        return cls(int(point), int(event))

    @classmethod
    def now(cls) -> "Cursor":
        points, events = MetricPoint.objects.aggregate(Max("pk")), RunEvent.objects.aggregate(Max("pk"))
        return cls(points["pk__max"] or 0, events["pk__max"] or 0)

    def __str__(self) -> str:
        return f"{self.point}-{self.event}"

    def before(self) -> "Cursor":
        """Where to start for somebody who comes back to many runs, whose writers do not wait for one another."""
        return Cursor(max(0, self.point - OVERLAP), max(0, self.event - OVERLAP))
