"""`python -m runs.engine <run folder>`: train as spec.json there says, or probe it. Exit status 3: another one does."""

import argparse
import logging
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from runs.contract.events import Exit, Fault, Outcome
from runs.contract.folder import ADAPTER_CONFIG, RunFolder
from runs.contract.spec import RunSpec
from runs.engine.failure import Failure, failed
from runs.engine.lean import kept_for_good, lean_imports, postpone_compiler, single_process
from runs.engine.presence import Presence, take_lock
from runs.engine.reporting import Reporter
from runs.engine.wishes import Wishes

ALREADY_TRAINING = 3
KEPT_SHAPES = "16"  # of products that are prepared: a bin has a dozen, and the next bin has others
CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")  # oneDNN's own, and PyTorch's of what it asks of oneDNN
PAUSES = (1, 5, 25)  # seconds between attempts to say the last word
log = logging.getLogger("runs.engine")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m runs.engine", description=__doc__)
    parser.add_argument("folder", type=Path, help="the run folder; it holds spec.json")
    folder = RunFolder(parser.parse_args().folder.resolve())
    if not folder.path.is_dir():
        parser.error(f"{folder.path} is not a folder")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    lock = take_lock(folder)
    if lock is None:
        log.error("another engine is training in %s; this one leaves", folder.path)
        return ALREADY_TRAINING
    return _work(folder)


def _work(folder: RunFolder) -> int:
    """The whole of it, the last word included: whatever happens, exit.json is written, and last."""
    wishes = Wishes(folder)
    wishes.listen()
    Presence(folder).start()
    end = train(folder, wishes, own_process=True)
    _say_last(folder, end)
    log.info("%s %s", end.outcome.value, end.message)
    return 1 if end.outcome == Outcome.FAILED else 0


def _say_last(folder: RunFolder, end: Exit) -> None:
    """A full disk may make room yet: a run without its last word counts as lost, and is begun again."""
    for pause in PAUSES:
        try:
            folder.write_exit(end)
            return
        except OSError as error:
            log.error("exit.json cannot be written, next attempt in %d s: %s", pause, error)
            time.sleep(pause)
    folder.write_exit(end)


def train(folder: RunFolder, wishes: Wishes, *, own_process: bool = False) -> Exit:
    """How the run ended. Never raises. In a process of its own it may decide what is imported for good."""
    pipeline = None
    try:
        spec = _spec(folder)
        _prepare_libraries(spec.device.threads)
        with ExitStack() as narrow:
            narrow.enter_context(lean_imports())
            if own_process:
                narrow.enter_context(kept_for_good())
            if own_process and not _adapts(spec):
                postpone_compiler()
                narrow.enter_context(single_process())
            from runs.engine.pipeline import Pipeline  # torch and transformers: seconds, and only once the spec is good

        if folder.probe.exists():
            from runs.engine.probe import Probing as Pipeline

        pipeline = Pipeline(folder, spec, Reporter(folder.events), wishes)
        return pipeline.run()
    except BaseException as error:
        log.exception("the run failed")
        return failed(error, pipeline.step if pipeline else 0)


def _adapts(spec: RunSpec) -> bool:
    """Whether PEFT is needed, if only for the weights to start from; it asks for what other runs can leave out."""
    weights = spec.custom_weights_path or spec.base_model.path
    return spec.hyperparameters.method != "full" or (weights / ADAPTER_CONFIG).is_file()


def _spec(folder: RunFolder) -> RunSpec:
    try:
        return folder.read_spec()
    except FileNotFoundError:
        raise Failure(Fault.ENGINE, "The run folder has no spec.json.") from None
    except ValidationError as error:
        raise Failure(Fault.ENGINE, f"spec.json is not a run specification: {error.errors()[0]['msg']}.") from error


def _prepare_libraries(threads: int | None) -> None:
    """Before torch, oneDNN and the tokenizers start, which read these once."""
    for cache in CACHES:  # of 1,024 shapes, unless told otherwise: 1.5 MB a shape
        os.environ.setdefault(cache, KEPT_SHAPES)
    if threads is not None:
        os.environ.update(OMP_NUM_THREADS=str(threads), RAYON_NUM_THREADS=str(threads))


if __name__ == "__main__":
    sys.exit(main())
