"""Checkpoints that are whole or absent: written beside, flushed to disk, renamed; verified by digest when read.

A checkpoint folder is a model for anyone's `from_pretrained`, and with optimizer.safetensors and state.json the place where
training goes on.
"""

import hashlib
import logging
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from runs.contract.events import Fault
from runs.engine.failure import Failure
from runs.engine.whole import UNFINISHED, beside, nothing_half_done, settle, sha256, sweep

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
    capacity: int | None = None  # tokens of a bin at most
    halved: int | None = None  # how often others had halved it by then; None: capacity has all that were
    for_recovery: bool = False  # kept only until the next checkpoint
    evaluations: dict[int, float] = {}  # evaluation loss by step, as far as it was known
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


def begin(folder: Path, state: State, fill: Callable[[Path], None], expected_bytes: int) -> Path:
    """Note the moment below `folder`, for `complete`; `fill` writes the tensors into the path it gets. Raises Failure(DISK).

    What is written lies in the system's cache, the moment's own copy: weights may change again, and no memory was asked for.
    """
    check_room(folder, expected_bytes)
    place = beside(folder / name(state.step, state.epoch))
    with nothing_half_done(place):
        place.mkdir(parents=True)
        fill(place)
        (place / STATE).write_text(state.model_dump_json())
    return place


def complete(place: Path) -> Stored:
    """Make what `begin` noted a checkpoint: digests, flushed to disk, renamed. May run in another thread."""
    final = place.with_name(place.name.removeprefix(UNFINISHED))
    with nothing_half_done(place, clean=False):
        (place / DIGEST).write_bytes(orjson.dumps(_digests(place), option=orjson.OPT_INDENT_2))
        state = State.model_validate_json((place / STATE).read_bytes())
        settle(place, final)
    return _stored(final, state)


def check_room(folder: Path, expected_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < expected_bytes + SPARE_BYTES:
        message = f"A checkpoint needs {expected_bytes / 1e9:.2f} GB and the disk has {free / 1e9:.2f} GB left."
        raise Failure(Fault.DISK, message)


def newest(folder: Path) -> tuple[Stored | None, list[Path]]:
    """The newest checkpoint that is whole, and the newer ones that are not. Leftovers of writing are swept away."""
    sweep(folder)
    torn: list[Path] = []
    for path in sorted(folder.glob("ep*-ba*"), key=step_of, reverse=True):
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


def superseded(folder: Path, keep: int, losses: Mapping[int, float] | None = None) -> list[Path]:
    """Checkpoints that made room: all but the `keep` newest, and those for recovery as soon as there is a newer one.

    With `losses` by step: all but the `keep` of the lowest loss. The newest stays in any case, for training goes on there; one
    for recovery takes no other's place.
    """
    paths = sorted(folder.glob("ep*-ba*"), key=step_of, reverse=True)
    lasting = [path for path in paths if _is_lasting(path)]
    if losses:
        lasting.sort(key=lambda path: (losses.get(step_of(path), math.inf), step_of(path)))
    return [path for path in paths[1:] if path not in lasting] + [path for path in lasting[keep:] if path != paths[0]]


def _is_lasting(path: Path) -> bool:
    """Whether it is more than a place to recover from; a torn one is not even that."""
    try:
        return not State.model_validate_json((path / STATE).read_bytes()).for_recovery
    except (OSError, ValidationError):
        return False


def step_of(path: Path) -> int:
    digits = path.name.rpartition("-ba")[2]
    return int(digits) if digits.isdigit() else -1


def _stored(path: Path, state: State) -> Stored:
    size = sum(file.stat().st_size for file in path.iterdir())
    return Stored(path, state, size, f"sha256:{hashlib.sha256((path / DIGEST).read_bytes()).hexdigest()}")


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of each file but the list itself, one after the other: training needs the cores."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.name != DIGEST}
