"""REST v1 as methods. Answers are the server's JSON as dictionaries; what they hold is in the server's OpenAPI document."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from finetuning_ui.client.errors import ApiError, ConnectionFailed, NotConfigured

LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)  # the connection was there, and broke
POLL = 1.0  # seconds between two questions about a check in the background
PAUSES = (0.5, 1.0, 2.0)  # seconds before it is tried again
TIMEOUT = httpx.Timeout(10.0, read=120.0)  # seconds; an upload is checked before it is answered


class Client:
    """A server and a token. `transport` lets tests speak to an application in the same process."""

    def __init__(self, host: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.host = host.rstrip("/")
        _check(self.host, token)
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "finetuning-ui-client"}
        transport = transport or httpx.HTTPTransport(retries=2)  # of connecting
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
        return self._call("POST", f"/licences/{_part(key)}/accept")

    def upload(self, path: Path, *, task_type: str = "CHAT_COMPLETION", name: str = "") -> dict[str, Any]:
        """Check a file and keep it as a data set; ApiError lists what is wrong in it, by line. Waits for the check of a large
        one, which goes on in the background.
        """
        data = {"task_type": task_type, "name": name}
        with path.open("rb") as file:
            made = self._call("POST", "/datasets", files={"file": (path.name, file)}, data=data, headers=_key())
        return self._call("GET", f"/datasets/{_part(self._checked(made['key']))}") if "state" in made else made

    def _checked(self, key: str) -> str:
        """The name of the data set that a check in the background makes. Raises ApiError with what is wrong."""
        while (found := self._call("GET", f"/checks/{_part(key)}"))["state"] in ("waiting", "running"):
            time.sleep(POLL)
        if found["state"] == "refused":
            raise ApiError(400, {"code": "bad_data", "detail": found["reason"], "report": found["report"]})
        return str(found["dataset"])

    def check(self, path: Path, *, task_type: str = "CHAT_COMPLETION", **plan: Any) -> dict[str, Any]:
        """What an upload of this file would say; nothing is kept. `plan` is the run it is for: model, context_length, ..."""
        with path.open("rb") as file:
            data = {"task_type": task_type, **plan}
            return self._call("POST", "/checks", files={"file": (path.name, file)}, data=data)

    def create(self, *, idempotency_key: str | None = None, **request: Any) -> dict[str, Any]:
        """Start a run; the keywords are the fields of a run request. A repeated key returns the run that it made before."""
        headers = _key(idempotency_key)
        while True:
            try:
                return self._call("POST", "/runs", json=request, headers=headers)
            except ApiError as error:
                checks = [problem.facts["check"] for problem in error.problems if problem.code == "still_checking"]
                if error.status != 409 or not checks:
                    raise
                for key in checks:  # large data named by their place: the run is made when they are here
                    self._checked(str(key))

    def runs(self, **filters: str) -> Iterator[dict[str, Any]]:
        return self._pages("/runs", **filters)

    def run(self, name: str) -> dict[str, Any]:
        return self._call("GET", f"/runs/{_part(name)}")

    def cancel(self, name: str, *, reason: str = "") -> dict[str, Any]:
        return self._call("POST", f"/runs/{_part(name)}/cancel", json={"reason": reason})

    def delete(self, name: str) -> None:
        """Take a finished run off the lists. Models that it registered stay."""
        self._call("DELETE", f"/runs/{_part(name)}")

    def estimate(self, **request: Any) -> dict[str, Any]:
        """What a run with this request would need; nothing is created."""
        return self._call("POST", "/estimates", json=request)

    def probe(self, **request: Any) -> dict[str, Any]:
        """Real steps of such a run: asked for, or how far they are. `stage` says so; send the same again."""
        return self._call("POST", "/probes", json=request)

    def events(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{_part(name)}/events"))

    def samples(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{_part(name)}/samples"))

    def checkpoints(self, name: str) -> list[dict[str, Any]]:
        return list(self._pages(f"/runs/{_part(name)}/checkpoints"))

    def metrics(self, name: str, **query: str) -> list[dict[str, Any]]:
        """Points in the order of their steps; `kind` is train or eval."""
        return list(self._pages(f"/runs/{_part(name)}/metrics", **query))

    def _pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        answer = self._call("GET", path, params=query)
        while True:
            yield from answer["data"]
            if not answer.get("next"):
                return
            following = httpx.URL(answer["next"]).params  # only these: the token goes to the server that was named
            answer = self._call("GET", path, params=following)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """What asks, and what has a key, is sent again when its answer was lost: the server does it once."""
        waits = iter(PAUSES if method == "GET" or "headers" in options else ())
        while True:
            try:
                answer = self._http.request(method, path, **options)
                break
            except (httpx.TransportError, httpx.InvalidURL) as error:
                pause = next(waits, None) if isinstance(error, LOST) else None
                if pause is None:
                    raise ConnectionFailed(f"{self._http.base_url} does not answer: {error}") from error
                time.sleep(pause)
        document = _document(answer)
        if answer.is_success and document is not None:
            return document
        raise ApiError(answer.status_code, document or {"detail": f"{answer.url} is no answer of a Finetuning UI server."})


def _document(answer: httpx.Response) -> dict[str, Any] | None:
    """The JSON object of an answer, or None: a proxy or another program may be speaking."""
    if not answer.content:
        return {} if answer.is_success else None
    try:
        document = answer.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _key(chosen: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": chosen or uuid.uuid4().hex}


def _check(host: str, token: str) -> None:
    """Raise NotConfigured for what no request could be made with."""
    if not (token.isascii() and token.isprintable()):
        raise NotConfigured("The token has characters that no token has. Copy it again from the page API tokens.")
    try:
        address = urlsplit(host)
    except ValueError:
        address = urlsplit("")
    if address.scheme not in ("http", "https") or not address.hostname:
        raise NotConfigured(f"“{host}” is no server's address. Write it like http://127.0.0.1:8000.")


def _part(name: str) -> str:
    """A name as one part of an address, whatever is in it."""
    return quote(name, safe="") if name.strip(".") else "%00"  # `..` would lead elsewhere
