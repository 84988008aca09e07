"""Names of runs, as the original service made them: ift-llama-3-2-1b-instruct-8mvusf."""

import re
import secrets
import string

from runs.contract.spec import TaskType

PREFIX = {TaskType.CHAT_COMPLETION: "chat", TaskType.INSTRUCTION_FINETUNE: "ift", TaskType.CONTINUED_PRETRAIN: "contd-pretrain"}
LONGEST = 63  # a label of the domain name system, which a serving endpoint may become
ALPHABET = string.ascii_lowercase + string.digits


def run_name(task: TaskType, model: str) -> str:
    """Prefix by task, the model's name after the slash with dots as dashes, six random characters."""
    suffix = "".join(secrets.choice(ALPHABET) for _ in range(6))
    short = re.sub(r"[^a-z0-9]+", "-", model.rsplit("/", 1)[-1].lower()).strip("-")
    head = f"{PREFIX[task]}-{short}"[: LONGEST - len(suffix) - 1].rstrip("-")
    return f"{head}-{suffix}"


def registered_name(register_to: str, run: str) -> str:
    """catalog.schema.model; the two-part form takes the run's name."""
    return register_to if register_to.count(".") >= 2 else f"{register_to}.{run}"
