"""Heads of the audit log, signed, in a file outside the database: what was sealed cannot be made anew from within it."""

import logging
from collections.abc import Iterator
from pathlib import Path

from django.core.signing import BadSignature, Signer
from django.utils import timezone

from runs import wiring
from runs.models import AuditHead
from runs.models.digest import START

log = logging.getLogger(__name__)


def head() -> str:
    """`<number>:<hash>` of the last entry: to be written down elsewhere, and given to `verify` later."""
    row = AuditHead.objects.first()
    return str(row) if row else f"0:{START}"


def seal() -> str | None:
    """Write the head, signed, to a file outside the database, if it moved since; return it."""
    now, path = head(), wiring.audit_seals()
    kept = read(path)
    if now.startswith("0:") or (kept and kept[-1][0] == now):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{timezone.now().isoformat()} {_signer().sign(now)}\n")
    log.info("The audit log stands at %s.", now)
    return now


def _signer() -> Signer:
    return Signer(salt="runs.audit.seal", sep=" ")


def read(path: Path) -> list[tuple[str, bool]]:
    """Each seal's head, and whether its signature is ours. The first column of a line is the time."""
    return list(_unsigned(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []


def _unsigned(lines: list[str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        signed = line.partition(" ")[2]
        try:
            yield _signer().unsign(signed), True
        except BadSignature:
            yield signed, False
