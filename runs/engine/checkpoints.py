"""Checkpoints that are whole or absent: written beside, flushed to disk, renamed; verified by digest when read.

A checkpoint folder is a model for anyone's `from_pretrained`, and with optimizer.safetensors and state.json the place where
training goes on.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from runs.contract.events import Fault
from runs.engine.failure import Failure

UNFINISHED = ".tmp-"
OPTIMIZER, STATE, DIGEST = "optimizer.safetensors", "state.json", "digest.json"
SPARE_BYTES = 64 << 20  # left free for events, logs and configuration
log = logging.getLogger(__name__)


class State(BaseModel):
    """Where training stands: everything that is not a tensor. The next row follows from `step` and the seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: int
    epoch: float
    tokens: int
    seed: int
    data_digest: str
    last_loss: float | None = None
    for_recovery: bool = False  # kept only until the next checkpoint
    random_cpu: str  # base64 of torch's generator state
    random_cuda: str | None = None


@dataclass(frozen=True)
class Stored:
    """A checkpoint that is complete on disk."""

    path: Path
    state: State
    bytes: int
    digest: str  # sha256:<hex> of digest.json, which lists the digests of all other files


def name(step: int, epoch: float) -> str:
    """`ep1-ba30`: epochs completed and batches done, as Composer names them."""
    return f"ep{int(epoch)}-ba{step}"


def write(folder: Path, state: State, fill: Callable[[Path], None], expected_bytes: int) -> Stored:
    """A new checkpoint below `folder`; `fill` writes the tensors into the path it is given. Raises Failure(DISK)."""
    check_room(folder, expected_bytes)
    final = folder / name(state.step, state.epoch)
    beside = folder / f"{UNFINISHED}{final.name}"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        fill(beside)
        (beside / STATE).write_text(state.model_dump_json())
        (beside / DIGEST).write_bytes(orjson.dumps(_digests(beside), option=orjson.OPT_INDENT_2))
        for path in (*beside.iterdir(), beside):
            _flush(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    shutil.rmtree(final, ignore_errors=True)
    beside.rename(final)
    _flush(folder)
    return _stored(final, state)


def check_room(folder: Path, expected_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < expected_bytes + SPARE_BYTES:
        message = f"A checkpoint needs {expected_bytes / 1e9:.2f} GB and the disk has {free / 1e9:.2f} GB left."
        raise Failure(Fault.DISK, message)


def newest(folder: Path) -> tuple[Stored | None, list[Path]]:
    """The newest checkpoint that is whole, and the newer ones that are not. Leftovers of writing are swept away."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    torn: list[Path] = []
    for path in sorted(folder.glob("ep*-ba*"), key=_step, reverse=True):
        try:
            return read(path), torn
        except (OSError, ValueError, ValidationError) as error:
            log.warning("checkpoint %s is torn and passed over: %s", path.name, error)
            torn.append(path)
    return None, torn


def read(path: Path) -> Stored:
    """Verify a checkpoint; raise ValueError or OSError when a file is missing or changed."""
    recorded = orjson.loads((path / DIGEST).read_bytes())
    if _digests(path) != recorded:
        raise ValueError("its files do not match their digests")
    return _stored(path, State.model_validate_json((path / STATE).read_bytes()))


def superseded(folder: Path, keep: int) -> list[Path]:
    """Checkpoints that made room: all but the `keep` newest, and those for recovery as soon as there is a newer one."""
    paths = sorted(folder.glob("ep*-ba*"), key=_step, reverse=True)
    recovery = [path for path in paths[1:] if State.model_validate_json((path / STATE).read_bytes()).for_recovery]
    lasting = [path for path in paths if path not in recovery]
    return recovery + lasting[keep:]


def _step(path: Path) -> int:
    digits = path.name.rpartition("-ba")[2]
    return int(digits) if digits.isdigit() else -1


def _stored(path: Path, state: State) -> Stored:
    size = sum(file.stat().st_size for file in path.iterdir())
    return Stored(path, state, size, f"sha256:{hashlib.sha256((path / DIGEST).read_bytes()).hexdigest()}")


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of each file but the list itself, the large ones side by side."""
    files = sorted(path for path in folder.iterdir() if path.name != DIGEST)
    with ThreadPoolExecutor() as pool:
        return dict(zip((path.name for path in files), pool.map(_sha256, files), strict=True))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
