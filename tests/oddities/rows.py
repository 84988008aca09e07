"""Rows that are JSON and yet wrong."""

from typing import Any

from tests.oddities.odd import CHAT, GOOD, GOOD_PAIRS, INSTRUCTION, TEXT, Odd, bad, chats, fine, jsonl, pairs, turns

USER, ASSISTANT = turns("user", "assistant")


def rows() -> list[Odd]:
    return [*_chats(), *_pairs(), *_texts(), *_shapes()]


def _chats() -> list[Odd]:
    def message(**fields: Any) -> dict[str, Any]:
        return {"messages": [fields, ASSISTANT]}

    wrong: list[tuple[str, Any, tuple[str, ...]]] = [
        ("an empty object", {}, ("keys",)),
        ("null", None, ("not_object",)),
        ("true", True, ("not_object",)),
        ("a number", 17, ("not_object",)),
        ("a text", "hi", ("not_object",)),
        ("a list of messages", turns("user", "assistant"), ("not_object",)),
        ("another key", {"message": turns("user", "assistant")}, ("keys",)),
        ("Messages with a capital", {"Messages": turns("user", "assistant")}, ("keys",)),
        ("a key with a space", {"messages ": turns("user", "assistant")}, ("keys",)),
        ("an empty key", {"": turns("user", "assistant")}, ("keys",)),
        ("a key more", {"messages": turns("user", "assistant"), "id": 1}, ("keys",)),
        ("fifty keys more", {"messages": turns("user", "assistant"), **{f"k{n}": n for n in range(50)}}, ("keys",)),
        ("tools beside", {"messages": turns("user", "assistant"), "tools": []}, ("keys",)),
        ("null messages", {"messages": None}, ("messages",)),
        ("messages as text", {"messages": "user: hi"}, ("messages",)),
        ("messages as an object", {"messages": {"user": "hi", "assistant": "ho"}}, ("messages",)),
        ("no messages", {"messages": []}, ("too_few",)),
        ("one message", {"messages": turns("assistant")}, ("too_few",)),
        ("only the user", {"messages": turns("user")}, ("too_few", "no_assistant")),
        ("only the system", {"messages": turns("system")}, ("too_few", "no_assistant")),
        ("a null message", {"messages": [None, ASSISTANT]}, ("message_keys",)),
        ("a text as message", {"messages": ["hi", ASSISTANT]}, ("message_keys",)),
        ("a list as message", {"messages": [["user", "hi"], ASSISTANT]}, ("message_keys",)),
        ("an empty message", {"messages": [{}, ASSISTANT]}, ("message_keys",)),
        ("no content", message(role="user"), ("message_keys",)),
        ("no role", message(content="hi"), ("message_keys",)),
        ("text for content", message(role="user", text="hi"), ("message_keys",)),
        ("a name beside", message(role="user", content="hi", name="Eve"), ("message_keys",)),
        ("a weight beside", message(role="user", content="hi", weight=1), ("message_keys",)),
        ("a null content", message(role="user", content=None), ("not_text",)),
        ("a number as content", message(role="user", content=3), ("not_text",)),
        ("true as content", message(role="user", content=True), ("not_text",)),
        ("an object as content", message(role="user", content={"text": "hi"}), ("not_text",)),
        ("parts of text as content", message(role="user", content=[{"type": "text", "text": "hi"}]), ("not_text",)),
        (
            "a picture as content",
            message(role="user", content=[{"type": "image_url", "image_url": {"url": "x"}}]),
            ("not_text",),
        ),
        ("an empty content", message(role="user", content=""), ("empty_text",)),
        ("a blank content", message(role="user", content=" \n\t"), ("empty_text",)),
        ("only a no-break space", message(role="user", content="\u00a0"), ("empty_text",)),
        ("only a zero-width space", message(role="user", content="\u200b\ufeff"), ("empty_text",)),
        ("a null role", message(role=None, content="hi"), ("role",)),
        ("a number as role", message(role=1, content="hi"), ("role",)),
        ("a list as role", message(role=["user"], content="hi"), ("role",)),
        ("an empty role", message(role="", content="hi"), ("role",)),
        ("User with a capital", message(role="User", content="hi"), ("role",)),
        ("a role with a space", message(role="user ", content="hi"), ("role",)),
        ("human", message(role="human", content="hi"), ("role",)),
        ("a role of 100,000 characters", message(role="u" * 100_000, content="hi"), ("role",)),
        ("developer", {"messages": [{"role": "developer", "content": "x"}, *turns("user", "assistant")]}, ("role",)),
        ("tool", {"messages": turns("user", "assistant", "tool", "assistant")}, ("role",)),
        ("function", {"messages": turns("user", "function", "assistant")}, ("role",)),
        ("tool calls", {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": []}]}, ("message_keys",)),
        ("the user last", {"messages": turns("user", "assistant", "user")}, ("last_role",)),
        ("the system last", {"messages": turns("user", "assistant", "system")}, ("last_role", "system_position")),
        ("no answer", {"messages": turns("system", "user")}, ("no_assistant",)),
        ("two users", {"messages": turns("user", "user", "assistant")}, ("repeated_role",)),
        ("two assistants", {"messages": turns("user", "assistant", "assistant")}, ("repeated_role",)),
        ("two systems", {"messages": turns("system", "system", "user", "assistant")}, ("system_position",)),
        ("system in the middle", {"messages": turns("user", "system", "assistant")}, ("system_position",)),
        ("control characters in a key", {"\x07\x1b[31m": 1}, ("keys",)),
        ("HTML in a key", {"<script>alert(1)</script>": 1}, ("keys",)),
        ("a key of 100,000 characters", {"k" * 100_000: 1}, ("keys",)),
        ("right to left in a key", {"\u202ekey": 1}, ("keys",)),
        ("a NUL in a key", {"mess\x00ages": []}, ("keys",)),
        ("a NUL in a role", message(role="us\x00er", content="hi"), ("role",)),
    ]
    found = [bad(what, "a.jsonl", GOOD + jsonl(row), *kinds, line=4) for what, row, kinds in wrong]
    found += [
        fine(
            "the assistant first",
            "a.jsonl",
            GOOD + jsonl({"messages": turns("assistant", "user", "assistant")}),
            "assistant_first",
        ),
        fine(
            "system and assistant alone", "a.jsonl", GOOD + jsonl({"messages": turns("system", "assistant")}), "assistant_first"
        ),
        fine("a system message", "a.jsonl", jsonl({"messages": turns("system", "user", "assistant")})),
        fine(
            "keys in another order",
            "a.jsonl",
            jsonl({"messages": [dict(reversed(one.items())) for one in turns("user", "assistant")]}),
        ),
        fine("the same row a hundred times", "a.jsonl", jsonl(*chats(1) * 100), "duplicate_row"),
        bad(
            "every row wrong",
            "a.jsonl",
            jsonl(*[{"messages": turns("user", "user")}] * 300),
            "no_assistant",
            "repeated_role",
            line=1,
        ),
        bad("a good row among hundreds of bad ones", "a.jsonl", jsonl(*[{}] * 300) + GOOD, "keys", line=1),
        bad("rows of two tasks", "a.jsonl", GOOD + GOOD_PAIRS, "keys", line=4),
    ]
    return found


def _pairs() -> list[Odd]:
    wrong: list[tuple[str, Any, str]] = [
        ("no response", {"prompt": "a"}, "keys"),
        ("no prompt", {"response": "b"}, "keys"),
        ("response and completion", {"prompt": "a", "response": "b", "completion": "c"}, "keys"),
        ("a key more", {"prompt": "a", "response": "b", "id": 1}, "keys"),
        ("Prompt with a capital", {"Prompt": "a", "response": "b"}, "keys"),
        ("a null response", {"prompt": "a", "response": None}, "not_text"),
        ("a number as response", {"prompt": "2+2", "response": 4}, "not_text"),
        ("a list as response", {"prompt": "a", "response": ["b"]}, "not_text"),
        ("an object as prompt", {"prompt": {"text": "a"}, "response": "b"}, "not_text"),
        ("messages as prompt", {"prompt": turns("user"), "response": "b"}, "not_text"),
        ("an empty prompt", {"prompt": "", "response": "b"}, "empty_text"),
        ("a blank response", {"prompt": "a", "response": "\n"}, "empty_text"),
        ("a NUL", {"prompt": "a", "response": "\x00"}, "nul"),
        ("a chat row", chats(1)[0], "keys"),
        ("a list", ["a", "b"], "not_object"),
    ]
    found = [bad(what, "a.jsonl", GOOD_PAIRS + jsonl(row), kind, task=INSTRUCTION, line=4) for what, row, kind in wrong]
    other = [{"completion": row["response"], "prompt": row["prompt"]} for row in pairs()]
    found += [
        fine("completion for response", "a.jsonl", jsonl(*other), task=INSTRUCTION),
        fine("both spellings in one file", "a.jsonl", GOOD_PAIRS + jsonl({"prompt": "x", "completion": "y"}), task=INSTRUCTION),
        bad(
            "a response that begins with a special character only",
            "a.jsonl",
            jsonl({"prompt": "a", "response": "\ufeff"}),
            "empty_text",
            task=INSTRUCTION,
        ),
    ]
    return found


def _texts() -> list[Odd]:
    wrong: list[tuple[str, Any, str]] = [
        ("another key", {"content": "a"}, "keys"),
        ("a key more", {"text": "a", "meta": {}}, "keys"),
        ("a null text", {"text": None}, "not_text"),
        ("a list as text", {"text": ["a"]}, "not_text"),
        ("a blank text", {"text": " "}, "empty_text"),
        ("a part that is none", {"text": "a", "part": 7}, "keys"),
        ("a NUL", {"text": "a\x00"}, "nul"),
    ]
    found = [bad(what, "a.jsonl", jsonl({"text": "good"}, row), kind, task=TEXT, line=2) for what, row, kind in wrong]
    return [
        *found,
        fine("texts as lines", "a.jsonl", jsonl({"text": "one"}, {"text": "two"}), task=TEXT),
        fine(
            "parts, as they are downloaded from us",
            "a.jsonl",
            jsonl({"text": "one", "part": "first"}, {"text": "two", "part": "last"}),
            task=TEXT,
        ),
    ]


def _shapes() -> list[Odd]:
    """Rows of other tools: refused, until a person has confirmed what they would become."""
    spoken = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]
    shapes: list[tuple[str, Any]] = [
        ("ShareGPT", {"conversations": spoken}),
        ("ShareGPT with a number", {"id": "1", "conversations": spoken}),
        ("messages called conversation", {"conversation": turns("user", "assistant")}),
        ("Alpaca", {"instruction": "a", "input": "", "output": "b"}),
        ("Dolly", {"instruction": "a", "context": "", "response": "b", "category": "qa"}),
        ("question and answer", {"question": "a", "answer": "b"}),
        ("query and output", {"query": "a", "output": "b"}),
        ("prompt and chosen", {"prompt": "a", "chosen": "b", "rejected": "c"}),
        ("OpenAI with a name", {"messages": [{**USER, "name": "Eve"}, ASSISTANT]}),
        ("prompt and completion", {"prompt": "a", "completion": "b"}),
    ]
    found = []
    for what, row in shapes:
        kind = "message_keys" if "messages" in row else "keys"
        found.append(bad(what, "a.jsonl", jsonl(*[row] * 3), kind, task=CHAT, line=1))
    return found
