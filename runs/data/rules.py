"""What a row must be for each task. Each rule accepts a good row fast, and explains a bad one slowly.

Knows nothing of files; a row arrives parsed, a good one leaves with its keys in canonical order.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

from runs.contract.spec import TaskType
from runs.data.marks import blank
from runs.data.rows import Row

ROLES = ("system", "user", "assistant")
MESSAGE_KEYS = ("role", "content")
DUMPS = "Write the column with json.dumps before the table is saved, as in df.messages = df.messages.map(json.dumps)."
CHAT_KEYS = ("messages",)
PARTS = ("first", "middle", "last")  # of a long document
PARTED = "Write one text in double quotes; images and other parts are not trained on."
UNSEEN = "There is nothing to see in the text: it holds only marks of no width and white space."
NUL = "\x00"  # databases and tokenizers trip over it
REMEMBERED = 4_096  # sequences of roles
NAMES = {
    dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number",
    bytes: "raw bytes", Decimal: "a decimal number",
    date: "a date", datetime: "a time", time: "a time of day", timedelta: "a length of time",
}  # fmt: skip

Say = Callable[..., None]  # (kind, message, field=..., remedy=...)
_GOOD: set[tuple[str, ...]] = set()


class Rule(Protocol):
    def fits(self, row: Any) -> bool:
        """Whether the row is good and in canonical order, but for NUL characters. Never True for a bad one."""

    def mend(self, row: Row, say: Say) -> Row | None:
        """The row in canonical order, or None after saying everything that is wrong with it."""


def good_order(roles: tuple[str, ...]) -> bool:
    """Whether nothing at all is to be said about this order of roles; remembered, because few orders make up most files."""
    if roles in _GOOD:
        return True
    if _turns(roles):
        return False
    if len(_GOOD) < REMEMBERED:
        _GOOD.add(roles)
    return True


class Chat:
    """`{"messages": [{"role", "content"}, ...]}`: optional system first, then turns that alternate, the assistant's last."""

    def fits(self, row: Any) -> bool:
        if row.__class__ is not dict or len(row) != 1 or "messages" not in row:
            return False
        messages = row["messages"]
        if messages.__class__ is not list:
            return False
        roles = []
        for message in messages:
            if message.__class__ is not dict or len(message) != 2:
                return False
            first, second = message
            if first != "role" or second != "content":
                return False
            role, content = message["role"], message["content"]
            if content.__class__ is not str or role.__class__ is not str or blank(content):
                return False
            roles.append(role)
        return good_order(tuple(roles))

    def mend(self, row: Row, say: Say) -> Row | None:
        if tuple(row) != CHAT_KEYS:
            say("keys", f"The row has {_keys(row)}, but a chat row has the single key “messages”.")
            return None
        messages = row["messages"]
        if not isinstance(messages, list):
            python = isinstance(messages, str) and messages.lstrip("[( ").startswith("{'")
            said = "text in Python's notation" if python else _kind(messages)
            say("messages", f"“messages” is {said}, not a list.", field="messages", remedy=DUMPS if python else "")
            return None
        good = [_message(message, f"messages[{index}]", say) for index, message in enumerate(messages)]
        if None in good:
            return None
        faults = 0
        for kind, message, index in _turns([message["role"] for message in good if message]):
            say(kind, message, field="messages" if index is None else f"messages[{index}].role")
            faults += kind != "assistant_first"
        return None if faults else {"messages": good}


def _message(message: Any, field: str, say: Say) -> Row | None:
    if not isinstance(message, dict):
        say("message_keys", f"This message is {_kind(message)}, not an object.", field=field)
        return None
    if set(message) != set(MESSAGE_KEYS):
        lacks = [f"no “{key}”" for key in MESSAGE_KEYS if key not in message]
        beside = {key: value for key, value in message.items() if key not in MESSAGE_KEYS}
        more = [f"{_keys(beside)} besides role and content"] if beside else []
        say("message_keys", f"This message has {' and '.join(lacks + more)}.", field=field)
        return None
    role, content = message["role"], message["content"]
    if role not in ROLES:
        shown = f"“{role[:40]}”" if isinstance(role, str) and role else _kind(role) if role != "" else "empty"
        say("role", f"The role is {shown}.", field=f"{field}.role")
    if not _text(content, f"{field}.content", say) or role not in ROLES:
        return None
    return {"role": role, "content": content}


def _turns(roles: "tuple[str, ...] | list[str]") -> list[tuple[str, str, int | None]]:
    """What is wrong with the order of the roles: kind, message, index of the message."""
    found: list[tuple[str, str, int | None]] = []
    if len(roles) < 2:
        found.append(("too_few", "The conversation has one message." if roles else "There are no messages.", None))
    if roles and "assistant" not in roles:
        found.append(("no_assistant", "No message is the assistant's, so there is nothing to learn.", None))
    elif roles and roles[-1] != "assistant":
        found.append(("last_role", f"The last message is by {roles[-1]}.", len(roles) - 1))
    for index, role in enumerate(roles):
        if role == "system" and index:
            found.append(("system_position", f"Message {index + 1} is a system message.", index))
        elif index and role == roles[index - 1]:
            found.append(("repeated_role", f"Messages {index} and {index + 1} are both by {role}.", index))
        elif role not in ROLES:
            found.append(("role", f"The role is “{role}”.", index))
    if not found and roles[roles[0] == "system"] == "assistant":
        found.append(("assistant_first", "The assistant speaks before the user.", None))
    return found


class Instruction:
    """`{"prompt", "response"}`, or `completion` instead of `response`."""

    def fits(self, row: Any) -> bool:
        if row.__class__ is not dict or tuple(row) != ("prompt", "response"):
            return False
        prompt, response = row.values()
        if prompt.__class__ is not str or response.__class__ is not str:
            return False
        return not blank(prompt) and not blank(response)

    def mend(self, row: Row, say: Say) -> Row | None:
        answer = "completion" if "completion" in row else "response"
        if set(row) != {"prompt", answer}:
            say(
                "keys",
                f"The row has {_keys(row)}, but an instruction row has exactly “prompt” and “response” (or “completion”).",
            )
            return None
        asked, answered = _text(row["prompt"], "prompt", say), _text(row[answer], answer, say)
        return {"prompt": row["prompt"], "response": row[answer]} if asked and answered else None


class Text:
    """`{"text"}`, and `part` (first, middle, last) where a long document was cut."""

    def fits(self, row: Any) -> bool:
        if row.__class__ is not dict or tuple(row) not in (("text",), ("text", "part")) or row["text"].__class__ is not str:
            return False
        return not blank(row["text"]) if len(row) == 1 else bool(row["text"]) and row["part"] in PARTS

    def mend(self, row: Row, say: Say) -> Row | None:
        if set(row) != {"text"} and not (set(row) == {"text", "part"} and row["part"] in PARTS):
            say("keys", f"The row has {_keys(row)}, but a row of continued pretraining has the single key “text”.")
            return None
        if not _text(row["text"], "text", say):
            return None
        return {key: row[key] for key in ("text", "part") if key in row}


RULES: dict[TaskType, Callable[[], Rule]] = {
    TaskType.CHAT_COMPLETION: Chat,
    TaskType.INSTRUCTION_FINETUNE: Instruction,
    TaskType.CONTINUED_PRETRAIN: Text,
}


def _text(value: Any, field: str, say: Say) -> bool:
    if not isinstance(value, str):
        say(
            "not_text", f"The value is {_kind(value)}, not text.", field=field, remedy=PARTED if isinstance(value, list) else ""
        )
        return False
    if blank(value):
        shown = "The text is empty." if not value else "The text is only white space." if value.isspace() else UNSEEN
        say("empty_text", shown, field=field)
        return False
    if NUL in value:
        say("nul", f"There is a NUL character at position {value.index(NUL) + 1} of the text.", field=field)
        return False
    return True


def _keys(row: Row) -> str:
    names = [f"“{name[:40]}”" for name in list(row)[:6]]
    if not names:
        return "no keys"
    more = f" and {len(row) - 6} more" if len(row) > 6 else ""
    return f"the key{'s' if len(row) > 1 else ''} {', '.join(names)}{more}"


def _kind(value: Any) -> str:
    return "null" if value is None else NAMES.get(type(value), "something else")
