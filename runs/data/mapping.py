"""Rows in shapes that other tools use: recognised, named, and turned into ours once a person has confirmed it.

Never applied silently: `detect` proposes, `check(mapping=...)` applies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.rows import Row

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "ai": "assistant",
            "chatbot": "assistant", "model": "assistant", "assistant": "assistant", "system": "system"}  # fmt: skip
CONVERSATION_KEYS = ("conversation", "conversations", "dialog", "dialogue", "chat", "turns")
QUESTIONS = ("question", "query", "prompt", "instruction", "problem", "user", "input", "input_text", "q")
ANSWERS = ("answer", "response", "completion", "solution", "assistant", "output", "output_text", "a")


class Mapping(BaseModel):
    """A proposal: `shape` is what `check(mapping=...)` takes, `description` says what it would do."""

    model_config = ConfigDict(frozen=True)
    shape: str
    title: str
    description: str

    @property
    def question(self) -> str:
        return f"The rows look like {self.title}. {self.description} Confirm this mapping to use them."


class CannotMap(ValueError):
    """A row does not have the shape that the mapping is for; the text is for the user."""


@dataclass(frozen=True)
class Shape:
    """One foreign format: how it is recognised, and how a row of it becomes question and answer or messages."""

    title: str
    fits: Callable[[Row], bool]
    descriptions: dict[TaskType, str]
    convert: Callable[[Row, TaskType], Row]

    def proposal(self, name: str, task: TaskType) -> Mapping:
        return Mapping(shape=name, title=self.title, description=self.descriptions[task])


def _pair(row: Row, prompt: Any, response: Any, task: TaskType) -> Row:
    if task is INSTRUCTION:
        return {"prompt": prompt, "response": response}
    system = row.get("system")
    first = [{"role": "system", "content": system}] if isinstance(system, str) and system.strip() else []
    return {"messages": [*first, {"role": "user", "content": prompt}, {"role": "assistant", "content": response}]}


def _alpaca(row: Row, task: TaskType) -> Row:
    instruction, extra = _value(row, "instruction"), row.get("input", row.get("context"))
    prompt = f"{instruction}\n\n{extra}" if isinstance(extra, str) and extra.strip() else instruction
    return _pair(row, prompt, _value(row, "output", "response"), task)


def _question(row: Row, task: TaskType) -> Row:
    return _pair(row, _value(row, *QUESTIONS), _value(row, *ANSWERS), task)


def _prompt(row: Row, task: TaskType) -> Row:
    prompt, response = _value(row, "prompt"), _value(row, "response", "completion")
    if task is CHAT and _turns(prompt, "role") and _turns(response, "role"):  # TRL's rows
        return _openai({"messages": [*prompt, *response]}, task)
    return _pair(row, prompt, response, task)


def _sharegpt(row: Row, _: TaskType) -> Row:
    turns = _value(row, "conversations")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) and "from" in turn and "value" in turn for turn in turns):
        raise CannotMap("“conversations” is not a list of objects with the keys from and value.")
    return {"messages": [{"role": _speaker(turn["from"]), "content": turn["value"]} for turn in turns]}


def _conversation(row: Row, task: TaskType) -> Row:
    return _openai({"messages": _value(row, *CONVERSATION_KEYS)}, task)


def _openai(row: Row, _: TaskType) -> Row:
    messages = _value(row, "messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise CannotMap("“messages” is not a list of objects.")
    return {"messages": [_message(_plain(message)) for message in messages]}


def _message(message: Row) -> Row:
    kept: Row = {key: message[key] for key in ("role", "content") if key in message}
    if isinstance(kept.get("role"), str):
        kept["role"] = _speaker(kept["role"])
    if isinstance(parts := kept.get("content"), list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
            raise CannotMap("A message holds an image or another part that is not text, which no model here is trained on.")
        kept["content"] = "\n".join(part["text"] for part in parts)
    return kept


def _document(row: Row, _: TaskType) -> Row:
    return {"text": _value(row, "text", "content", "document", "body")}


def _value(row: Row, *keys: str) -> Any:
    for key in keys:
        if key in row:
            return row[key]
    raise CannotMap(f"The row has no key “{keys[0]}”.")


def _plain(row: Row) -> Row:
    """With keys in lower case and without white space around them, unless two would then be one."""
    plain = {str(key).strip(" \t\ufeff\u200b").casefold(): value for key, value in row.items()}
    return plain if len(plain) == len(row) else row


def _speaker(name: object) -> str:
    return SPEAKERS.get(name.strip().lower(), name) if isinstance(name, str) else str(name)


def _turns(value: object, key: str) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and key in turn for turn in value)


def _both(what: str) -> dict[TaskType, str]:
    return {
        CHAT: f"{what} would become a user message and an assistant message; other keys would be left out.",
        INSTRUCTION: f"{what} would become prompt and response; other keys would be left out.",
    }


SHAPES: dict[str, Shape] = {
    "sharegpt": Shape(
        "ShareGPT conversations",
        lambda row: _turns(row.get("conversations"), "from"),
        {CHAT: "human and gpt would become user and assistant; other keys would be left out."}, _sharegpt,
    ),
    "conversation": Shape(
        "messages under another name",
        lambda row: "messages" not in row and any(_turns(row.get(key), "role") for key in CONVERSATION_KEYS),
        {CHAT: "The list would become messages; other keys would be left out."}, _conversation,
    ),
    "openai": Shape(
        "chat rows with more or other keys, roles or parts than ours",
        lambda row: _turns(row.get("messages"), "role") or _turns(row.get("messages"), "Role"),
        {CHAT: "Only role and content of each message would be kept, parts of text joined, and human, bot or model called user "
               "or assistant; names, weights and tools would be left out."}, _openai,
    ),
    "alpaca": Shape(
        "Alpaca or Dolly rows (instruction, input or context, output or response)",
        lambda row: "instruction" in row and ("output" in row or "response" in row),
        _both("Instruction (with the input below it) and output"), _alpaca,
    ),
    "prompt_response": Shape(
        "prompt and response rows",
        lambda row: "prompt" in row and ("response" in row or "completion" in row),
        _both("Prompt and response"), _prompt,
    ),
    "question_answer": Shape(
        "question and answer rows",
        lambda row: any(key in row for key in QUESTIONS) and any(key in row for key in ANSWERS),
        _both("Question and answer"), _question,
    ),
    "document": Shape(
        "documents with other keys than text",
        lambda row: any(isinstance(row.get(key), str) for key in ("text", "content", "document", "body")),
        {TEXT: "The document would become text; other keys would be left out."}, _document,
    ),
}  # fmt: skip


def detect(row: object, task: TaskType) -> str | None:
    """Name of the foreign shape that a row has and that can become rows of this task, or None."""
    if not isinstance(row, dict):
        return None
    plain = _plain(row)
    return next((name for name, shape in SHAPES.items() if task in shape.descriptions and shape.fits(plain)), None)


def convert(row: Row, shape: str, task: TaskType) -> Row:
    """A row of a foreign shape as one of ours; raises CannotMap. The result is then checked like any other row."""
    known = SHAPES.get(shape)
    if known is None or task not in known.descriptions:
        raise CannotMap(f"There is no mapping “{shape}” for this task.")
    if not isinstance(row, dict):
        raise CannotMap("The row is not an object.")
    return known.convert(_plain(row), task)
