"""When a run keeps checkpoints, and which it lets go; the files themselves are the business of `checkpoints`.

A thread writes them. Meanwhile the next step's rows go through the model, which only reads the weights; before training changes
them it waits until the tensors are in the system's cache. So a checkpoint costs no copy in memory and, as a rule, no time.
"""

import logging
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

from safetensors.torch import load_file, save_file

from runs.contract.events import Checkpoint, CheckpointDeleted, Fault, Resumed
from runs.contract.folder import RunFolder
from runs.contract.spec import RunSpec
from runs.engine import checkpoints, models, optimizer
from runs.engine.checkpoints import State, Stored
from runs.engine.failure import ANEW, Failure
from runs.engine.methods import Method
from runs.engine.precision import of_products
from runs.engine.reporting import Reporter, now
from runs.engine.training import Training
from runs.engine.whole import beside, sweep

COPIES = {"adamw": 3, "lion": 2}  # the weights, and what the optimizer remembers of each
LEAVING_SECONDS = 8.0  # that a last checkpoint may take: who sends SIGTERM waits ten
DISK = 300e6  # bytes a second of writing one, until one was written
log = logging.getLogger(__name__)


class Keeper:
    """Writes, announces and prunes the checkpoints of one run."""

    def __init__(self, folder: RunFolder, reporter: Reporter, method: Method, spec: RunSpec) -> None:
        self._folder, self._reporter, self._method, self._spec = folder.checkpoints, reporter, method, spec
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: list[Future[None]] = []  # what the thread was asked for, in that order
        self._noted = Event()  # nothing that is being written needs the tensors as they are
        self._noted.set()
        self._last_time = time.monotonic()
        self._seconds: float | None = None  # that the last checkpoint took
        self.last_step = 0

    def find(self) -> Stored | None:
        """The checkpoint to go on from; torn ones are announced as deleted, and deleted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder.parent)  # half a finished model
        stored, torn = checkpoints.newest(self._folder)
        for path in torn:
            self._delete(path)
        return stored

    def resume(self, training: Training, stored: Stored) -> None:
        """Put the optimizer and the place in the data back; weights were loaded from `stored` already. Raises Failure(DATA)."""
        noted, asked = stored.state, self._spec
        if (noted.seed, noted.data_digest) != (asked.hyperparameters.seed, asked.train.digest):
            told = f"{stored.path.name} was trained on other rows, or in another order, than spec.json says."
            raise Failure(Fault.DATA, told, ANEW)
        training.restore(stored.state, load_file(stored.path / checkpoints.OPTIMIZER))
        self.last_step = training.step
        self._reporter.say(Resumed(time=now(), step=training.step))
        self._announce(stored)  # the engine may have died between the renaming and the announcement

    def check_room(self, training: Training) -> None:
        """Refuse to train what there is no room to keep: checkpoints and the finished model."""
        there = sum(file.stat().st_size for file in self._folder.glob("ep*-ba*/*"))
        kept = self._spec.hyperparameters.most_checkpoints(training.timetable.intervals)
        model = models.finished_bytes(training.model, of_products(self._spec, training.device))
        checkpoints.check_room(self._folder, kept * _expected_bytes(training) + model - there)

    def is_overdue(self) -> bool:
        return time.monotonic() - self._last_time > self._spec.recovery_minutes * 60

    def is_too_slow(self, training: Training, waited: float) -> bool:
        """Whether a last checkpoint, `waited` seconds after a SIGTERM, would take longer than there is time."""
        seconds = _expected_bytes(training) / DISK if self._seconds is None else self._seconds
        return waited + seconds > LEAVING_SECONDS

    def keep(self, training: Training, *, for_recovery: bool) -> None:
        """Make this moment a checkpoint, while training goes on up to `wait_until_noted`.

        Raises Failure(DISK), as `settle` does for what goes wrong later.
        """
        self.settle()
        checkpoints.check_room(self._folder, _expected_bytes(training))
        state = training.state(for_recovery=for_recovery)
        self.last_step, self._last_time = training.step, time.monotonic()
        self._noted.clear()
        self._pending.append(self._thread.submit(self._write, training, state))

    def wait_until_noted(self) -> None:
        """Before weights change: the checkpoint that is being written has those of its own moment."""
        self._noted.wait()

    def settle(self, *, wait: bool = True) -> None:
        """Raise what went wrong in the thread; with `wait`, see through what it was asked for."""
        while self._pending and (wait or self._pending[0].done()):
            self._pending.pop(0).result()

    def close(self) -> None:
        """Whatever happens to the run: a checkpoint that is being written is seen through before its last word."""
        self._thread.shutdown()
        for asked in self._pending:
            if error := asked.exception():
                log.error("checkpoints were not seen through: %s", error)

    def prune(self, evaluations: dict[int, float]) -> None:
        """Let go what newer or better checkpoints have superseded, after what the thread is at."""
        self._pending.append(self._thread.submit(self._prune, dict(evaluations)))

    def discard(self, step: int) -> None:
        """Let go the checkpoint of weights that turned out to be no good: the one before is there still."""
        self.settle()
        for path in self._folder.glob("ep*-ba*"):
            if checkpoints.step_of(path) == step:
                self._delete(path)

    def best(self, evaluations: dict[int, float]) -> Stored | None:
        """The whole checkpoint of the lowest evaluation loss, the earlier of equals."""
        self.prune(evaluations)
        self.settle()
        scored = [path for path in self._folder.glob("ep*-ba*") if checkpoints.step_of(path) in evaluations]
        for path in sorted(scored, key=lambda path: (evaluations[checkpoints.step_of(path)], checkpoints.step_of(path))):
            try:
                return checkpoints.read(path)
            except (OSError, ValueError) as error:
                log.warning("checkpoint %s is torn and passed over: %s", path.name, error)
        return None

    def _write(self, training: Training, state: State) -> None:
        def fill(path: Path) -> None:
            self._method.save(training.model, self._spec, path)
            save_file(optimizer.state(training.optimizer, training.parameters), path / checkpoints.OPTIMIZER)

        started = time.monotonic()
        try:
            place = checkpoints.begin(self._folder, state, fill, expected_bytes=_expected_bytes(training))
        finally:
            self._noted.set()
        stored = checkpoints.complete(place)
        self._seconds = time.monotonic() - started
        log.info("checkpoint %s: %.1f MB in %.1f s", stored.path.name, stored.bytes / 1e6, self._seconds)
        self._announce(stored)

    def _prune(self, evaluations: dict[int, float]) -> None:
        asked = self._spec.hyperparameters
        losses = evaluations if asked.keep_policy == "best" else None
        for path in checkpoints.superseded(self._folder, asked.keep_checkpoints, losses):
            self._delete(path)

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
        leftover = path.rename(beside(path))
        shutil.rmtree(leftover, ignore_errors=True)


def _expected_bytes(training: Training) -> int:
    size = sum(param.numel() * param.element_size() for param in training.parameters.values())
    return size * COPIES[training.spec.hyperparameters.optimizer]
