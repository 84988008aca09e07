"""What a row says, as text, for comparing rows: its question, its answers, and both together.

Knows nothing of tokens or templates.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b

from runs.contract.spec import TaskType
from runs.data.rows import Row

_NOT_WORD = re.compile(r"[\W_]+")
_PLAIN = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else ord(" ") for code in range(256))


@dataclass(frozen=True, slots=True)
class Said:
    """`question` is everything before the last answer but the system message; a text has neither question nor answers."""

    whole: str
    question: str = ""
    answers: tuple[str, ...] = ()
    system: str = ""

    @property
    def full(self) -> str:
        """With the system message."""
        return f"{self.system}\n{self.whole}" if self.system else self.whole


def said(row: Row, task: TaskType) -> Said:
    """The parts of a canonical row."""
    if task is TaskType.CONTINUED_PRETRAIN:
        return Said(row["text"])
    if task is TaskType.INSTRUCTION_FINETUNE:
        return Said(f"{row['prompt']}\n{row['response']}", row["prompt"], (row["response"],))
    messages = row["messages"]
    system = messages[0]["content"] if messages and messages[0]["role"] == "system" else ""
    turns = messages[1:] if system else messages
    contents = [message["content"] for message in turns]
    answers = tuple(message["content"] for message in turns if message["role"] == "assistant")
    return Said("\n".join(contents), "\n".join(contents[:-1]), answers, system)


def plain(text: str) -> str:
    """Lower case, words parted by single spaces, without punctuation: what is left when two texts are compared."""
    if text.isascii():  # the same, five times as fast
        return b" ".join(text.encode().translate(_PLAIN).split()).decode()
    return _NOT_WORD.sub(" ", text.casefold()).strip()


def key(text: str | bytes) -> int:
    """64 bits that stand for a text, the same in every process."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little", signed=True)
