"""A model's chat template: Jinja in a sandbox, with what `transformers.apply_chat_template` offers to a template.

Templates come with models and are not trusted. Knows nothing of tokens.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runs.data.passing import Passed, now
from runs.data.watching import Watching

Environment = TypeVar("Environment", bound=ImmutableSandboxedEnvironment)
Message = Mapping[str, Any]

# Written around `{% generation %}` blocks when asked for. Unicode noncharacters, so no text has a use for them.
OPEN, CLOSE = "\ufdd0", "\ufdd1"

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


class TemplateError(ValueError):
    """A model's template refuses a conversation, or is broken; the text is for the user."""


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}`: what the template's author says the model writes."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as a plain attribute

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        marks = [nodes.Output([nodes.Name(name, "load")]) for name in ("_generation_open", "_generation_close")]
        return nodes.Scope([marks[0], *body, marks[1]]).set_lineno(line)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(str(message))


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class _Namespace(jinja2.utils.Namespace):
    """Refuses names with a leading underscore, which the sandbox does not watch here."""

    def __init__(self, /, *values: Any, **named: Any) -> None:
        for name in dict(*values, **named):
            _public(name)
        super().__init__(*values, **named)

    def __setitem__(self, name: str, value: Any) -> None:
        _public(name)
        super().__setitem__(name, value)


def _marks(marked: bool) -> dict[str, str]:
    return {"_generation_open": OPEN, "_generation_close": CLOSE} if marked else {}


def _public(name: object) -> None:
    if str(name).startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace cannot hold {name}")


def _environment(kind: type[Environment]) -> Environment:
    environment = kind(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals.update(raise_exception=_refuse, strftime_now=now, namespace=_Namespace)
    return environment


class ChatTemplate:
    """Renders conversations. `variables` are the special tokens that a template may name, such as `bos_token`."""

    def __init__(self, source: str, variables: Mapping[str, str]) -> None:
        try:
            self._template = _environment(ImmutableSandboxedEnvironment).from_string(source)
        except jinja2.TemplateError as error:
            raise TemplateError(f"This model's chat template is not valid Jinja: {error}.") from error
        self._source, self._variables = source, dict(variables)
        self.marks_generation = "endgeneration" in source

    def passed(self, roles: Sequence[str], *, marked: bool = False) -> Passed | None:
        """How all conversations of these roles are written, if that does not depend on what they say."""
        return self._watching.passed(roles, {**self._variables, "add_generation_prompt": False, **_marks(marked)})

    def render(self, messages: Sequence[Message], *, prompt: bool = False, marked: bool = False) -> str:
        """The conversation as text; with `prompt`, up to where the model goes on. Raises TemplateError."""
        try:
            return self._render(messages, prompt, marked)
        except jinja2.TemplateError as error:
            raise TemplateError(self._explain(messages, error.message or "no reason given")) from error
        except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
            raise TemplateError(self._explain(messages, str(error))) from error

    @cached_property
    def _watching(self) -> Watching:
        return _environment(Watching).watch(self._source)

    @cached_property
    def accepts_system(self) -> bool:
        """Whether a conversation may start with a system message. Mistral's and Gemma's may not."""
        return self._renders([{"role": "system", "content": "S"}, *_HELLO])

    @cached_property
    def turn(self) -> str:
        """The text between the end of a user's content and where the model goes on."""
        try:
            return self._render([{"role": "user", "content": OPEN}], True, False).partition(OPEN)[2]
        except Exception:  # a template may fail in any way on a conversation that it does not expect
            return ""

    def _render(self, messages: Sequence[Message], prompt: bool, marked: bool) -> str:
        clean = [{key: value for key, value in message.items() if value is not None} for message in messages]
        return self._template.render(
            messages=clean, tools=None, documents=None, add_generation_prompt=prompt, **self._variables, **_marks(marked)
        )

    def _renders(self, messages: Sequence[Message]) -> bool:
        try:
            self._render(messages, False, False)
        except Exception:  # as above
            return False
        return True

    def _explain(self, messages: Sequence[Message], reason: str) -> str:
        if messages and messages[0].get("role") == "system" and not self.accepts_system and self._renders(_HELLO):
            return (
                "This model's chat template accepts no system message. Put its text at the start of the first user message, "
                "or choose another model."
            )
        return f"This model's chat template refuses the conversation: {reason.strip().rstrip('.')}."


_HELLO = ({"role": "user", "content": "U"}, {"role": "assistant", "content": "A"})
