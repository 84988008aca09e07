"""When a run keeps checkpoints, and which it lets go; the files themselves are the business of `checkpoints`."""

import logging
import shutil
import time
from pathlib import Path

from safetensors.torch import load_file, save_file

from runs.contract.events import Checkpoint, CheckpointDeleted, Resumed
from runs.contract.folder import RunFolder
from runs.engine import checkpoints, models, optimizer
from runs.engine.checkpoints import Stored
from runs.engine.reporting import Reporter, now
from runs.engine.training import Training

COPIES = {"adamw": 3, "lion": 2}  # the weights, and what the optimizer remembers of each
log = logging.getLogger(__name__)


class Keeper:
    """Writes, announces and prunes the checkpoints of one run."""

    def __init__(self, folder: RunFolder, reporter: Reporter, recovery_minutes: float) -> None:
        self._folder, self._reporter = folder.checkpoints, reporter
        self._recovery_seconds = recovery_minutes * 60
        self._last_time = time.monotonic()
        self.last_step = 0

    def find(self) -> Stored | None:
        """The checkpoint to go on from; torn ones are announced as deleted, and deleted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        stored, torn = checkpoints.newest(self._folder)
        for path in torn:
            self._delete(path)
        return stored

    def resume(self, training: Training, stored: Stored) -> None:
        """Put the optimizer and the place in the data back; the weights were loaded from `stored` already."""
        training.restore(stored.state, load_file(stored.path / checkpoints.OPTIMIZER))
        self.last_step = training.step
        self._reporter.say(Resumed(time=now(), step=training.step))
        self._announce(stored)  # the engine may have died between the renaming and the announcement

    def check_room(self, training: Training) -> None:
        checkpoints.check_room(self._folder, _expected_bytes(training))

    def is_overdue(self) -> bool:
        return time.monotonic() - self._last_time > self._recovery_seconds

    def keep(self, training: Training, *, for_recovery: bool) -> Stored:
        """Write a checkpoint of this moment, then let the oldest go."""

        def fill(path: Path) -> None:
            models.write(training.model, path, training.spec.base_model.path)
            save_file(optimizer.state(training.optimizer, training.parameters), path / checkpoints.OPTIMIZER)

        started = time.monotonic()
        stored = checkpoints.write(
            self._folder, training.state(for_recovery=for_recovery), fill, expected_bytes=_expected_bytes(training)
        )
        log.info("checkpoint %s: %.1f MB in %.1f s", stored.path.name, stored.bytes / 1e6, time.monotonic() - started)
        self.last_step, self._last_time = training.step, time.monotonic()
        self._announce(stored)
        for path in checkpoints.superseded(self._folder, training.spec.hyperparameters.keep_checkpoints):
            self._delete(path)
        return stored

    def _announce(self, stored: Stored) -> None:
        state = stored.state
        self._reporter.say(
            Checkpoint(
                time=now(), name=stored.path.name, step=state.step, epoch=state.epoch, bytes=stored.bytes, digest=stored.digest
            )
        )

    def _delete(self, path: Path) -> None:
        """Announced first: whoever reads of a checkpoint can count on it."""
        self._reporter.say(CheckpointDeleted(time=now(), name=path.name))
        leftover = path.rename(path.with_name(f"{checkpoints.UNFINISHED}{path.name}"))
        shutil.rmtree(leftover, ignore_errors=True)


def _expected_bytes(training: Training) -> int:
    size = sum(param.numel() * param.element_size() for param in training.parameters.values())
    return size * COPIES[training.spec.hyperparameters.optimizer]
