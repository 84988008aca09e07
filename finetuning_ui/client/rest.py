"""REST v1 as methods. Answers are the server's JSON as dictionaries; what they hold is in the server's OpenAPI document."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from finetuning_ui.client.errors import ApiError, ConnectionFailed

TIMEOUT = httpx.Timeout(10.0, read=120.0)  # seconds; an upload is checked before it is answered


class Client:
    """A server and a token. `transport` lets tests speak to an application in the same process."""

    def __init__(self, host: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.host = host.rstrip("/")
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "finetuning-ui-client"}
        self._http = httpx.Client(base_url=f"{self.host}/api/v1", headers=headers, timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def whoami(self) -> dict[str, Any]:
        return self._call("GET", "/whoami")

    def base_models(self) -> list[dict[str, Any]]:
        return list(self._pages("/base-models"))

    def accept_licence(self, key: str) -> dict[str, Any]:
        return self._call("POST", f"/licences/{key}/accept")

    def upload(self, path: Path, *, task_type: str = "CHAT_COMPLETION", name: str = "") -> dict[str, Any]:
        """Check a file and keep it as a data set; ApiError lists what is wrong in it, by line."""
        with path.open("rb") as file:
            data = {"task_type": task_type, "name": name}
            return self._call("POST", "/datasets", files={"file": (path.name, file)}, data=data)

    def create(self, *, idempotency_key: str | None = None, **request: Any) -> dict[str, Any]:
        """Start a run; the keywords are the fields of a run request. A repeated key returns the run that it made before."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return self._call("POST", "/runs", json=request, headers=headers)

    def runs(self, **filters: str) -> Iterator[dict[str, Any]]:
        return self._pages("/runs", **filters)

    def run(self, name: str) -> dict[str, Any]:
        return self._call("GET", f"/runs/{name}")

    def cancel(self, name: str) -> dict[str, Any]:
        return self._call("POST", f"/runs/{name}/cancel")

    def events(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{name}/events"))

    def samples(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{name}/samples"))

    def checkpoints(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{name}/checkpoints"))

    def metrics(self, name: str, **query: str) -> list[dict[str, Any]]:
        """Points in the order of their steps; `kind` is train or eval."""
        return list(self._pages(f"/runs/{name}/metrics", **query))

    def _pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        answer = self._call("GET", path, params=query)
        while True:
            yield from answer["data"]
            if not answer.get("next"):
                return
            answer = self._call("GET", answer["next"])

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ConnectionFailed(f"{self._http.base_url} does not answer: {error}") from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        try:
            document = answer.json()
        except ValueError:
            document = {"detail": f"HTTP {answer.status_code}"}
        raise ApiError(answer.status_code, document)
