"""MLflow's REST interface, spoken directly: for doors that pass calls on, and for those who cannot wait for mlflow's import."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from runs.registry.protocol import RegistryRefused, RegistryUnavailable

BUSY = (408, 429)  # HTTP statuses that, like 5xx, say: later


class Rest:
    """Calls below `<uri>/api/2.0/mlflow/`. `timeout` is seconds a request."""

    def __init__(self, uri: str, *, timeout: float) -> None:
        self.uri = uri.rstrip("/")
        self._client = httpx.Client(base_url=self.uri, timeout=timeout, follow_redirects=False, trust_env=False)

    def raw(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Whatever it answers; raises RegistryUnavailable when it does not."""
        try:
            return self._client.request(method, path, **sent)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from error

    def opened(self, method: str, path: str) -> httpx.Response:
        """An answer whose body is still to be read, and closed by whoever reads it."""
        try:
            return self._client.send(
                self._client.build_request(method, path, headers={"Accept-Encoding": "identity"}), stream=True
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from error

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self.read(self.raw("GET", f"/api/2.0/mlflow/{path}", params=params))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self.read(self.raw("POST", f"/api/2.0/mlflow/{path}", json=body))

    def _away(self, error: Exception) -> RegistryUnavailable:
        place = urlsplit(self.uri).netloc.rpartition("@")[2]
        return RegistryUnavailable(f"MLflow at {place} does not answer: {str(error) or type(error).__name__}")

    def read(self, answer: httpx.Response) -> dict[str, Any]:
        """What it answers; raises RegistryUnavailable or RegistryRefused for a no."""
        if answer.is_success:
            return dict(answer.json())
        told = f"MLflow says {answer.status_code}: {message_of(answer)[:300]}"
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code in BUSY:
            raise RegistryUnavailable(told)
        raise RegistryRefused(told)


def message_of(answer: httpx.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return answer.text
    return str(body.get("message", "")) if isinstance(body, Mapping) else str(body)
