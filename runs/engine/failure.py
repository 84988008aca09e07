"""Why a run cannot go on, in words for its owner: our own refusals, and what other people's exceptions mean."""

import errno
import traceback
from datetime import UTC, datetime

from runs.contract.events import Exit, Fault, Outcome

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ADVICE = {
    Fault.DATA: "Look at the data set's page for the rows and their problems, and start the run again with a corrected file.",
    Fault.MODEL: "Check the base model's folder, or ask an administrator to load the model again.",
    Fault.MEMORY: "Lower the context length first, then switch on gradient checkpointing, or choose a smaller model.",
    Fault.DISK: "Free some disk space or keep fewer checkpoints, then start again. The last complete checkpoint was kept.",
    Fault.DIVERGED: "Lower the learning rate (a tenth is a good next try), or lengthen the warm-up.",
    Fault.ENGINE: "Look at the end of the log. If it names nothing that you can change, report it with the log.",
}


ANEW = "Put back what the run began with, or start a new run."


class Failure(Exception):
    """The run cannot go on. `message` says what was wrong and where; `advice` what to do."""

    def __init__(self, fault: Fault, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.fault, self.message, self.advice = fault, message, advice or ADVICE[fault]


class Leave(Exception):
    """The engine was asked to go: STOPPED by a person, INTERRUPTED by the machine."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def is_out_of_memory(error: BaseException) -> bool:
    """Torch tells it apart on a GPU by a class, on a CPU by the text alone."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)


def explain(error: BaseException) -> Failure:
    """Put any exception into words. Torch and safetensors tell memory and disk apart only in their texts."""
    if isinstance(error, Failure):
        return error
    text = str(error)
    if is_out_of_memory(error):
        return Failure(Fault.MEMORY, "The memory was not enough for this model with this context length and batch size.")
    if getattr(error, "errno", None) in NO_ROOM or any(f"os error {code})" in text for code in NO_ROOM):
        return Failure(Fault.DISK, "The disk is full.")
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno})" if last else ""
    return Failure(Fault.ENGINE, f"The engine failed unexpectedly: {type(error).__name__}: {text[:500]}{where}")


def failed(error: BaseException, step: int) -> Exit:
    """The last word of an engine that could not go on."""
    failure = explain(error)
    return Exit(
        outcome=Outcome.FAILED,
        time=datetime.now(UTC),
        step=step,
        fault=failure.fault,
        message=failure.message,
        advice=failure.advice,
    )
