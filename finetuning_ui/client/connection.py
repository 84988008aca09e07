"""Which server a script talks to, and with which token.

What `connect` was given comes first, then FTUI_HOST and FTUI_TOKEN, DATABRICKS_HOST and DATABRICKS_TOKEN, then the file of
`ftui login`.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from finetuning_ui.client.errors import NotConfigured
from finetuning_ui.client.rest import Client

PREFIXES = ("FTUI", "DATABRICKS")


@dataclass(frozen=True)
class Credentials:
    """A server's address and a token of it, which is never shown."""

    host: str
    token: str = field(repr=False)


def file() -> Path:
    """Where `ftui login` keeps the credentials."""
    return Path.home() / ".config" / "ftui.json"


def credentials() -> Credentials:
    """Raise NotConfigured when there are none."""
    for prefix in PREFIXES:
        host, token = os.environ.get(f"{prefix}_HOST", "").strip(), os.environ.get(f"{prefix}_TOKEN", "").strip()
        if host and token:
            return Credentials(address(host), token)
    if not file().exists():
        raise NotConfigured("Say where the server is: set FTUI_HOST and FTUI_TOKEN, or run `ftui login`.")
    try:
        kept = json.loads(file().read_text(encoding="utf-8"))
        return Credentials(address(str(kept["host"])), str(kept["token"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotConfigured(f"{file()} cannot be read ({error!r}). Run `ftui login` to write it anew.") from error


def save(found: Credentials) -> Path:
    """Keep credentials for this person's later calls, in a file that nobody else can read."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(asdict(found), out, indent=2)
    draft.replace(path)
    return path


_open: dict[Credentials, Client] = {}
_chosen: list[Client] = []


def connect(host: str, token: str) -> Client:
    """Talk to this server from now on, whatever the environment says."""
    _chosen[:] = [_client(Credentials(address(host), token))]
    return _chosen[0]


def client() -> Client:
    """The client that the functions of `foundation_model` use: one for each server and token."""
    return _chosen[0] if _chosen else _client(credentials())


def _client(found: Credentials) -> Client:
    if found not in _open:
        _open[found] = Client(found.host, found.token)
    return _open[found]


def address(host: str) -> str:
    """As the original client has it: without a scheme, https is meant."""
    return (host if "://" in host else f"https://{host}").rstrip("/")
