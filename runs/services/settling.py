"""How runs end, or go back into the queue."""

from django.db import transaction

from runs.contract.events import EventType, Exit, Fault, Outcome, Phase
from runs.contract.folder import RunFolder
from runs.models import Run, RunStatus
from runs.services import timeline
from runs.services.lifecycle import stop_now
from runs.services.nudge import after_commit
from runs.services.pausing import pause_now

MOST_ATTEMPTS = 3  # engines in a row that were lost without a step: then something is wrong with the run itself
MOST_HALVINGS = 4  # of the tokens at once: a sixteenth
STARVED = "The machine had no memory left, and its kernel killed the training process."
HALVED = (
    "From the last checkpoint on half as many tokens go through the model at a time; the batch size is what it was. "
    "A shorter context length, gradient checkpointing or LoRA leaves more room, and so do fewer other programs."
)
LOST = {
    Fault.ENGINE: "Look at the end of the log. A machine that is out of memory kills processes without a word.",
    Fault.MEMORY: "Lower the context length first, then switch on gradient checkpointing, choose LoRA or a smaller model, or "
    "end other programs on that machine.",
}


@transaction.atomic
def settle(run: Run, word: Exit) -> None:
    """Draw the consequences of an engine's last word. The caller holds the row's lock and the lease."""
    if run.status == RunStatus.STARTING:  # it ended before its first step
        run.move_to(RunStatus.RUNNING)
        run.save()
    if word.outcome == Outcome.FAILED:
        fail(run, word.fault or Fault.ENGINE, word.message, word.advice)
    elif run.status == RunStatus.TERMINATING or word.outcome == Outcome.STOPPED:
        if run.status != RunStatus.TERMINATING:
            run.move_to(RunStatus.TERMINATING)
        stop_now(run, f"Run canceled at batch {run.step}." if run.step else "Run canceled before its first batch.")
    elif word.outcome == Outcome.INTERRUPTED:
        run.attempts = max(0, run.attempts - 1)  # it was asked to leave, which is not its fault
        requeue(run, "The machine was being stopped; the run goes on from its last checkpoint.")
    else:
        _register(run)


def _register(run: Run) -> None:
    run.phase = Phase.REGISTERING
    run.details = "Registering the model."
    run.pause_wanted = False  # it came too late: everything is trained
    run.estimated_end_at = None
    run.save()
    timeline.tell(run)
    after_commit("runs.tasks.publish", run.pk, run.lease_token)
    after_commit("runs.tasks.start")  # its device is free


@transaction.atomic
def fail(run: Run, fault: Fault, message: str, advice: str) -> None:
    run.move_to(RunStatus.FAILED)
    run.fault, run.details, run.advice = fault, message, advice
    run.save()
    timeline.add(run, EventType.FAILED, message)
    after_commit("runs.tasks.start")


def starve(run: Run, folder: RunFolder) -> None:
    """The kernel killed the engine for want of memory: it goes on with half as many tokens at a time, where that may help."""
    if run.status != RunStatus.TERMINATING and not run.pause_wanted and folder.halved < MOST_HALVINGS:
        folder.halve()
        timeline.add(run, EventType.ADVICE, f"{STARVED} {HALVED}")
    requeue(run, f"{STARVED} The run goes on from its last checkpoint.", Fault.MEMORY)


@transaction.atomic
def requeue(run: Run, why: str, fault: Fault = Fault.ENGINE) -> None:
    """Put a run whose engine is gone back into the queue, unless it keeps losing engines."""
    if run.status == RunStatus.TERMINATING:
        stop_now(run, "Run canceled.")
        return
    if run.pause_wanted:
        pause_now(run)
        return
    if run.attempts >= MOST_ATTEMPTS:
        message = f"The training process was lost {run.attempts} times in a row without a step being done."
        if fault == Fault.MEMORY:
            message = f"{STARVED} That was {run.attempts} times in a row without a step being done."
        fail(run, fault, message, LOST[fault])
        return
    run.move_to(RunStatus.QUEUED)
    run.details = why
    run.save()
    timeline.add(run, EventType.REQUEUED, why)
    after_commit("runs.tasks.start")
