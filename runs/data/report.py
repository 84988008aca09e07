"""What validation found: problems grouped by kind, all of them counted, the first hundred of each kind kept."""

from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from runs.contract.spec import TaskType
from runs.data.kinds import KINDS, Severity
from runs.data.mapping import Mapping

LISTED = 100  # problems kept of each kind
PREVIEW = 5  # rows
PREVIEW_CHARACTERS = 4_000  # of one text in the preview


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(Model):
    """One fault, worded for the person who made the file. `line` counts from 1; rows of tables count as lines."""

    kind: str
    severity: Severity
    message: str
    remedy: str
    file: str = ""
    line: int | None = None
    field: str = ""

    @property
    def place(self) -> str:
        """`Line 62,905, messages[1].role: `, as far as it is known."""
        known = [f"Line {self.line:,}" if self.line else "", self.field if self.line else ""]
        return f"{', '.join(filter(None, known))}: " if self.line else ""


class Group(Model):
    """All problems of one kind: `count` of them, the first `LISTED` in `problems`."""

    kind: str
    title: str
    severity: Severity
    count: int
    problems: list[Problem]


class Report(Model):
    """The result of a check. `digest` and `rows` describe the canonical file; `bytes` is the size of what was read."""

    name: str
    task: TaskType
    format: str = ""
    rows: int = 0
    bytes: int = 0
    digest: str = ""
    mapping: str | None = None
    proposal: Mapping | None = None
    groups: list[Group] = []
    preview: list[dict[str, Any]] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether a run may start with these rows."""
        return self.rows > 0 and not self.errors

    @property
    def errors(self) -> int:
        return sum(group.count for group in self.groups if group.severity is Severity.ERROR)

    @property
    def warnings(self) -> int:
        return sum(group.count for group in self.groups if group.severity is Severity.WARNING)

    @property
    def problems(self) -> list[Problem]:
        """What is listed, errors before warnings, in the order of lines."""
        found = [problem for group in self.groups for problem in group.problems]
        return sorted(found, key=lambda problem: (problem.severity is not Severity.ERROR, problem.line or 0))

    @property
    def sentence(self) -> str:
        """The whole report in a line or two, for places without room for more."""
        return f"{self.fault} {self.proposal.question}" if self.proposal and not self.ok else self.fault

    @property
    def fault(self) -> str:
        """The same, without the mapping that may mend it: for places that offer it beside."""
        if self.ok:
            noted = f", {_counted(self.warnings, 'warning')}" if self.warnings else ""
            return f"{_counted(self.rows, 'row')}{noted}."
        first = next(iter(self.problems), None)
        if first is None:
            return "There are no rows."
        more = f" ({_counted(self.errors, 'error')} in all)" if self.errors > 1 else ""
        return f"{first.place}{first.message}{more} {first.remedy}"


class Findings:
    """Collects problems while a file is read."""

    def __init__(self, file: str = "") -> None:
        """`file` is what problems are said of where they name no other."""
        self._file = file
        self._problems: dict[str, list[Problem]] = {}
        self._counts: dict[str, int] = {}
        self.failed = False

    def add(
        self, kind: str, message: str, *, line: int | None = None, field: str = "", file: str = "", remedy: str = ""
    ) -> None:
        """Count a problem of one of `KINDS`, and keep it if it is among the first of its kind."""
        known = KINDS[kind]
        self.failed = self.failed or known.severity is Severity.ERROR
        self._counts[kind] = self._counts.get(kind, 0) + 1
        listed = self._problems.setdefault(kind, [])
        if len(listed) < LISTED:
            listed.append(
                Problem(
                    kind=kind,
                    severity=known.severity,
                    message=_clean(message),
                    remedy=remedy or known.remedy,
                    file=_clean(file or self._file),
                    line=line,
                    field=_clean(field),
                )
            )

    def count(self, kind: str, more: int) -> None:
        """Count problems of a kind beyond those that were added one by one."""
        self._counts[kind] = self._counts.get(kind, 0) + more

    def groups(self) -> list[Group]:
        """Errors first, each severity by frequency."""
        found = [
            Group(
                kind=kind, title=KINDS[kind].title, severity=KINDS[kind].severity, count=self._counts[kind], problems=problems
            )
            for kind, problems in self._problems.items()
        ]
        return sorted(found, key=lambda group: (group.severity is not Severity.ERROR, -group.count))


class Unreadable(Exception):
    """The file as a whole cannot be read any further; becomes the last problem of the report."""

    def __init__(self, kind: str, message: str, *, line: int | None = None, file: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.line, self.file, self.remedy = kind, message, line, file, remedy


def _clean(text: str) -> str:
    """Without what a database or a page cannot take: NUL, other control characters, half characters."""
    shown = "".join(mark if mark.isprintable() else "\ufffd" for mark in text)
    return shown.encode("utf-8", errors="replace").decode()


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
