"""Where artifacts are: <experiment>/<run>/artifacts/..., or <experiment>/models/<model>/artifacts/... for a logged model."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from runs.api.mlflow.call import Call, asked_of, found
from runs.models import RecordKind
from runs.services.refused import Invalid

PLACE = re.compile(
    r"(?P<experiment>\d{1,30})/(?:(?P<run>[0-9a-f]{32})|models/(?P<model>m-[0-9a-f]{32}))/artifacts(?P<rest>/.*)?"
)
LONGEST = 4_000


def safe(path: str) -> str:
    """A path that stays where it is, whoever decodes it again; raises Invalid for any other."""
    decoded = path
    for _ in range(3):
        if any(part in ("..", ".") for part in re.split(r"[/\\]", decoded)) or "\x00" in decoded or "\\" in decoded:
            raise Invalid(f"“{path[:200]}” is not a path of an artifact.", field="path")
        decoded = unquote(decoded)
    if (
        len(path) > LONGEST
        or path.startswith("/")
        or "//" in path
        or "://" in decoded
        or any(mark in decoded for mark in "?#\r\n")
    ):
        raise Invalid(f"“{path[:200]}” is not a path of an artifact.", field="path")
    return path


@dataclass(frozen=True)
class Place:
    """An artifact of a run or of a logged model. `path` is as MLflow's artifact service knows it."""

    experiment: str
    run: str
    model: str
    path: str

    @classmethod
    def read(cls, path: str) -> "Place":
        match = PLACE.fullmatch(safe(path.rstrip("/")))
        if match is None:
            raise Invalid(f"“{path[:200]}” is not <experiment>/<run>/artifacts/….", field="path")
        return cls(match["experiment"], match["run"] or "", match["model"] or "", path.rstrip("/"))

    @property
    def inside(self) -> str:
        """The path below `artifacts`."""
        return self.path.partition("/artifacts")[2].strip("/")

    def must_be_seen(self, call: Call) -> None:
        found(self._sees(call), "Artifact", self.path)

    def must_be_changed(self, call: Call) -> bool:
        """Whether it may be: the caller says no in its own words."""
        self.must_be_seen(call)
        return sees_model_source(call, self.model, change=True) if self.model else call.sight.changes_run(self.run)

    def _sees(self, call: Call) -> bool:
        if self.model:
            return sees_model_source(call, self.model)
        return call.sight.sees_run(self.run)


def sees_model_source(call: Call, model: str, *, change: bool = False) -> bool:
    """A logged model is seen, and changed, by whoever made it and by whoever sees, or changes, the run that it came from."""
    if change and not call.user.may_train:
        return False
    if call.user.is_admin or call.sight.made(RecordKind.LOGGED_MODEL, model):
        return True
    body = asked_of(call, "GET", f"logged-models/{model}")
    source = str(body["model"]["info"].get("source_run_id") or "") if body else ""
    return bool(source) and (call.sight.changes_run(source) if change else call.sight.sees_run(source))
