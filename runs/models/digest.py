"""The sums of the audit log: an entry's keyed digest, and the hash that links it to the one before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "runs.audit"
START = "0" * 64  # stands before the first hash
HASHED = (
    "time", "who_id", "name", "action", "target", "outcome", "door", "address", "request_id", "before", "after", "details"
)  # fmt: skip


def content(fields: Mapping[str, Any]) -> str:
    """What an entry's digest is over, as text that is always the same for the same values."""
    values = {name: fields[name] for name in HASHED}
    values["time"] = values["time"].astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def digests(text: str) -> Sequence[str]:
    """The digest under today's key first, then under earlier ones."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(SALT, text, secret=key, algorithm="sha256").hexdigest() for key in keys]


def linked(number: int, previous: str, digest: str) -> str:
    """An entry's hash: the same sum as in the database's own function."""
    return hashlib.sha256(f"{number}:{previous}:{digest}".encode()).hexdigest()
