"""Names of runs, as the original service made them (ift-llama-3-2-1b-instruct-8mvusf), and of derived data sets."""

import re
import secrets
import string

from runs.contract.spec import TaskType
from runs.data.remedies import RemedyKind

PREFIX = {TaskType.CHAT_COMPLETION: "chat", TaskType.INSTRUCTION_FINETUNE: "ift", TaskType.CONTINUED_PRETRAIN: "contd-pretrain"}
LONGEST = 63  # a label of the domain name system, which a serving endpoint may become
ALPHABET = string.ascii_lowercase + string.digits

# With what the name of a data set ends that a remedy made.
ENDINGS = {
    RemedyKind.DROP_DUPLICATES: "no-duplicates",
    RemedyKind.DROP_NEAR_DUPLICATES: "no-near-duplicates",
    RemedyKind.DROP_LEAKED: "no-leaks",
    RemedyKind.DROP_EMPTY_ANSWERS: "no-empty-answers",
    RemedyKind.DROP_ONE_WORD_ANSWERS: "no-one-word-answers",
    RemedyKind.DROP_LONG: "no-long-rows",
    RemedyKind.MASK: "masked",
    RemedyKind.SPLIT: "train",
}
HELD_OUT = "eval"


def run_name(task: TaskType, model: str) -> str:
    """Prefix by task, the model's name after the slash with dots as dashes, six random characters."""
    suffix = letters()
    short = re.sub(r"[^a-z0-9]+", "-", model.rsplit("/", 1)[-1].lower()).strip("-")
    head = f"{PREFIX[task]}-{short}"[: LONGEST - len(suffix) - 1].rstrip("-")
    return f"{head}-{suffix}"


def letters() -> str:
    """Six that make a name nobody else has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(6))


def registered_name(register_to: str, run: str) -> str:
    """catalog.schema.model; the two-part form takes the run's name."""
    return register_to if register_to.count(".") >= 2 else f"{register_to}.{run}"
