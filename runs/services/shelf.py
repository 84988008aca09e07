"""Files that data sets share by their digest: put there with the first of them, taken away with the last.

Who adds one holds its lock until their transaction ends; who deletes one takes the lock after theirs, and looks again. So no
file is taken away from somebody who has just found it there.
"""

import os
from pathlib import Path

from runs import wiring
from runs.models import DataSet
from runs.services.locks import session_lock, transaction_lock


def put(file: Path, digest: str) -> None:
    """Keep these rows, unless they are there. The data set is to be made in the same transaction."""
    transaction_lock(_lock(digest))
    _place(file, wiring.dataset_file(digest), again=False)


def put_original(file: Path, digest: str) -> None:
    """Keep a file as it came. The data set is to say so in the same transaction."""
    transaction_lock(_lock(digest))
    _place(file, wiring.original_file(digest), again=True)


def clear(digest: str, original: str = "") -> None:
    """Take away what no data set has any more. Call it when the transaction that deleted one has ended."""
    with session_lock(_lock(digest), wait=True):
        if not DataSet.objects.filter(digest=digest).exists():
            wiring.dataset_file(digest).unlink(missing_ok=True)
    if original:
        with session_lock(_lock(original), wait=True):
            if not DataSet.objects.filter(original=original).exists():
                wiring.original_file(original).unlink(missing_ok=True)


def hold(*digests: str) -> None:
    """Take the locks of several at once, always in the same order, so that two who put them do not wait for each other."""
    for digest in sorted(set(digests)):
        transaction_lock(_lock(digest))


def _place(file: Path, target: Path, *, again: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if again or not target.exists():
        os.replace(file, target)


def _lock(digest: str) -> str:
    return f"data {digest}"
