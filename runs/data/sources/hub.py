"""A Hugging Face hub over its public HTTP interface: what a data set consists of, and its files, streamed to disk.

Asks `endpoint` and nobody else; follows redirects only within it and to `cdn`. It knows nothing of splits.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from runs.data.sources.refusal import SourceError, within

HOPS = 5  # redirects in a row
LISTING = 32 << 20  # bytes of a description of a data set
TIMEOUT = httpx.Timeout(30, connect=10)  # seconds of silence


@dataclass(frozen=True)
class Hub:
    """Where the hub is. `token` is sent to `endpoint` alone; `cdn` are hosts, with those below them."""

    endpoint: str
    token: str | None = field(default=None, repr=False)
    cdn: tuple[str, ...] = ()
    limit: int = 4 << 30  # bytes of one split
    seconds: float = 1_800  # for one split
    kind: str = "data set"  # what is asked for: a data set or a model

    def describe(self, name: str, revision: str | None = None) -> dict[str, Any]:
        """What the hub says of a data set: `sha`, `siblings` (its files) and `cardData`. Raises SourceError."""
        path = f"/api/datasets/{quote(name)}" + (f"/revision/{quote(revision, safe='')}" if revision else "")
        with self.answer(path, name) as answer:
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LISTING:
                    raise SourceError(f"The hub's description of “{name}” is too long to be one.")
        try:
            described = httpx.Response(200, content=body).json()
        except ValueError:
            described = None
        if not isinstance(described, dict) or not isinstance(described.get("siblings"), list):
            raise SourceError(f"{self.endpoint} does not answer like a Hugging Face hub. An admin looks at HF_ENDPOINT.")
        return described

    def download(self, name: str, revision: str, files: list[str], folder: Path, most: int | None = None) -> list[Path]:
        """The files, in order, below `folder`; at most `limit` bytes in all. Raises SourceError, TooLarge beyond `most`."""
        left, until = self.limit, time.monotonic() + self.seconds
        paths = []
        for number, file in enumerate(files):
            path = folder / str(number) / re.sub(r"[^\w.\-]", "_", file.rpartition("/")[2])[-100:]
            path.parent.mkdir()
            with (
                self.answer(f"/datasets/{quote(name)}/resolve/{quote(revision, safe='')}/{quote(file)}", name) as answer,
                path.open("wb") as out,
            ):
                for piece in answer.iter_bytes():
                    left -= len(piece)
                    within(most, self.limit - left)
                    if left < 0:
                        raise SourceError(
                            f"The split is larger than {self.limit / 2**30:,.1f} GiB, which is the most that is fetched."
                        )
                    if time.monotonic() > until:
                        raise SourceError(
                            f"Fetching “{name}” took longer than {self.seconds / 60:,.0f} minutes. Try again later."
                        )
                    out.write(piece)
            paths.append(path)
        return paths

    @contextmanager
    def answer(self, path: str, name: str, **more: str) -> Iterator[httpx.Response]:
        """A good answer, its body not read yet. `more` are headers for every hop."""
        home = httpx.URL(self.endpoint)
        url = httpx.URL(self.endpoint.rstrip("/") + path)
        try:
            with httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity", **more}) as client:
                for _ in range(HOPS):
                    headers = {"Authorization": f"Bearer {self.token}"} if self.token and _same(url, home) else {}
                    with client.stream("GET", url, headers=headers) as answer:
                        if not answer.has_redirect_location:
                            self._refuse(answer, name)
                            yield answer
                            return
                        url = self._allowed(url.join(answer.headers["location"]), home)
                raise SourceError(f"The hub sends us in circles for “{name}”.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(
                f"The hub {self.endpoint} cannot be reached or broke off ({type(error).__name__}). Try again."
            ) from error

    def _allowed(self, url: httpx.URL, home: httpx.URL) -> httpx.URL:
        trusted = url.scheme in ("https", home.scheme) and any(
            url.host == host or url.host.endswith(f".{host}") for host in self.cdn
        )
        if _same(url, home) or trusted:
            return url
        raise SourceError(f"The hub sends us on to {url.host[:100]}, which is not among its hosts. An admin looks at HF_CDN.")

    def _refuse(self, answer: httpx.Response, name: str) -> None:
        """Turn the hub's refusals into words."""
        status, code = answer.status_code, answer.headers.get("x-error-code", "")
        page = f"{self.endpoint}/{'datasets/' if self.kind == 'data set' else ''}{name}"
        if status == 403 or code == "GatedRepo":
            raise SourceError(
                f"The {self.kind} “{name}” is gated. Accept its terms at {page}; "
                + (
                    "then the token in HF_TOKEN must be of that account."
                    if self.token
                    else "then an admin sets HF_TOKEN, or you your own token on the page Account."
                )
            )
        if code in ("RevisionNotFound", "EntryNotFound"):
            raise SourceError(f"The {self.kind} “{name}” no longer has this version or file. Name it without a version.")
        if status in (401, 404):
            token = (
                "the token in HF_TOKEN may not see it"
                if self.token
                else "it is private, and an admin must set HF_TOKEN, or you your own token on the page Account"
            )
            raise SourceError(f"There is no {self.kind} “{name}” at {self.endpoint}, or {token}.")
        if status == 429:
            raise SourceError("The hub asks us to wait: too many requests. Try again in some minutes.")
        if status not in (200, 206):
            raise SourceError(f"The hub {self.endpoint} answered with status {status}. Try again later.")


def _same(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
