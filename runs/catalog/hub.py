"""What a Hugging Face hub says of a model, without its weights: whether we may have it, how large it is, its config.json."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

TIMEOUT = httpx.Timeout(10, connect=5)  # seconds of silence: an admin waits
MOST = 4 << 20  # bytes of one answer


@dataclass(frozen=True)
class AtHub:
    """`word` is reachable, gated (its terms must be accepted, or a token is missing), unknown, or not reachable."""

    word: str
    sha: str = ""
    parameters: int = 0
    config: dict[str, Any] | None = None


def ask(*, endpoint: str, token: str | None, name: str, revision: str = "") -> AtHub:
    """Asks `endpoint` and follows no redirect, so that the token goes nowhere else. Never raises for what the hub does."""
    path = f"/api/models/{quote(name)}" + (f"/revision/{quote(revision, safe='')}" if revision else "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=endpoint.rstrip("/"), headers=headers, timeout=TIMEOUT) as client:
            told = client.get(path)
            if told.status_code in (401, 403) or told.headers.get("x-error-code") == "GatedRepo":
                return AtHub("gated")
            if told.status_code != httpx.codes.OK or len(told.content) > MOST or not isinstance(known := told.json(), dict):
                return AtHub("unknown" if told.status_code == httpx.codes.NOT_FOUND else "not reachable")
            sha = str(known.get("sha") or revision or "main")
            config = client.get(f"/{quote(name)}/resolve/{quote(sha, safe='')}/config.json")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return AtHub("not reachable")
    parameters = int((known.get("safetensors") or {}).get("total") or 0)
    if config.status_code in (401, 403):
        return AtHub("gated", sha, parameters)
    shape = _object(config) if config.status_code == httpx.codes.OK and len(config.content) <= MOST else None
    return AtHub("reachable", sha, parameters, shape)


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        value = answer.json()
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
