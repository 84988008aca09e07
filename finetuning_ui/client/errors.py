"""What can go wrong between a script and the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any


@dataclass(frozen=True)
class Problem:
    code: str
    message: str
    field: str = ""
    facts: Mapping[str, Any] = field_of(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ClientError(Exception):
    """Anything that this package raises."""


class ConnectionFailed(ClientError):
    """The server could not be reached."""


class NotConfigured(ClientError):
    """Nobody said which server to talk to, or with which token."""


class WaitedTooLong(ClientError, TimeoutError):
    """The run went on for longer than the caller wanted to wait. It still goes on."""


class NotMeasured(ClientError):
    """The server could not take the steps to be measured. `suggestion` has settings that need less memory, if it does."""

    def __init__(self, reason: str, suggestion: dict[str, Any]) -> None:
        self.suggestion = suggestion
        super().__init__(reason)


class ApiError(ClientError):
    """The server said no. `status` is HTTP's, `code` is stable, `problems` names each field."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.code = str(document.get("code", "error"))
        self.problems = [
            Problem(
                str(found.get("code", "")),
                str(found.get("message", "")),
                str(found.get("field") or ""),
                found.get("facts") or {},
            )
            for found in document.get("problems") or []
        ]
        detail = str(document.get("detail") or document.get("title") or "The server gave no reason.")
        super().__init__("\n".join(map(str, self.problems)) or detail)
