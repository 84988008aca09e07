"""What a chat template does with contents, whatever they say: it is run once with contents that cannot be looked into.

An `Opaque` may be passed on, joined to other text, stripped, and asked whether it is there. Whatever else a template does with
it (compare, search, split, measure) fails, and then nothing is known. What comes through holds for all contents of these roles
that are not blank.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from re import compile as pattern
from threading import Lock
from typing import Any, NoReturn, cast

from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

Way = Callable[[str], str]
Part = str | tuple[int, bool, bool]  # words; or a message's number, and whether its content is stripped on the left and right

SLOT = pattern("\ufdd2([0-9]+)([LNRB])\ufdd3")  # a content in text: not stripped, or left, right or on both sides
SIDES = {(False, False): "N", (True, False): "L", (False, True): "R", (True, True): "B"}
WAYS: dict[str, Way] = {"N": str, "L": str.lstrip, "R": str.rstrip, "B": str.strip}
STRIPPING = frozenset({"strip", "lstrip", "rstrip"})
TRUE = frozenset({"defined", "string", "iterable", "sequence"})  # tests that hold for every text
FALSE = frozenset({"undefined", "none", "mapping", "boolean", "number", "integer", "float"})
UNSEEN = (nodes.AssignBlock, nodes.FilterBlock, nodes.EvalContextModifier)  # these make new text of what is put out


class OpaqueError(Exception):
    """A template looks into a content. Not one of the errors that Jinja catches."""


@dataclass(frozen=True)
class Passed:
    """`words` stand before, between and behind the contents; `places` are the messages whose contents these are, each written
    after its `way`; `times` are the patterns by which the time was asked, with the answers.
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    ways: tuple[Way, ...] = ()
    times: tuple[tuple[str, str], ...] = ()


class Opaque:
    """Text in which contents stand that nobody may look into."""

    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)

    def __add__(self, other: object) -> "Opaque":
        return Opaque((*self.parts, *_parts(other)))

    def __radd__(self, other: object) -> "Opaque":
        return Opaque((*_parts(other), *self.parts))

    def strip(self) -> "Opaque":
        return self.lstrip().rstrip()

    def lstrip(self) -> "Opaque":
        return Opaque(_stripped(self.parts, left=True))

    def rstrip(self) -> "Opaque":
        return Opaque(reversed(_stripped(self.parts[::-1], left=False)))

    def __bool__(self) -> bool:
        return True  # no content is blank

    def __eq__(self, other: object) -> bool:
        return False if other is None or other == "" else _refuse()

    __hash__ = None  # type: ignore[assignment] # it has no value to be found by

    def __str__(self) -> str:
        _refuse()

    __repr__ = __str__

    def __getattr__(self, name: str) -> NoReturn:
        _refuse()


class Watching(ImmutableSandboxedEnvironment):
    """The environment in which one template meets opaque contents."""

    def watch(self, source: str) -> "Watching":
        """With filters and tests as they are now, and this template. Raises jinja2.TemplateError."""
        self.finalize = _put_out
        self.filters = {name: _filter(name, found) for name, found in self.filters.items()} | {"concatenated": _concatenated}
        self.tests = {name: _test(name, cast("Callable[..., Any]", found)) for name, found in self.tests.items()}
        self._times: dict[str, str] = {}
        self.filters["random"] = self.globals["lipsum"] = lambda *_, **__: _refuse()
        self.globals["strftime_now"] = self._now
        self._lock = Lock()
        tree = self.parse(source)
        unseen = "\ufdd2" in source or next(tree.find_all(UNSEEN), None) is not None
        self._template = None if unseen else self.from_string(_Joining().visit(tree))
        return self

    def passed(self, roles: Sequence[str], variables: Mapping[str, Any]) -> Passed | None:
        """What becomes of the contents of these roles; None where that may depend on them."""
        if self._template is None:
            return None
        contents = [Opaque([(place, False, False)]) for place in range(len(roles))]
        messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
        with self._lock:
            self._times.clear()
            try:
                text = self._template.render(messages=messages, tools=None, documents=None, **variables)
            except Exception:  # it looked into a content, or refuses these roles: either way there is nothing to say
                return None
            times = tuple(self._times.items())
        parts = SLOT.split(text)
        return Passed(tuple(parts[::3]), tuple(map(int, parts[1::3])), tuple(WAYS[side] for side in parts[2::3]), times)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if not isinstance(obj, Opaque):
            return super().getattr(obj, attribute)
        return getattr(obj, attribute) if attribute in STRIPPING else _refuse()

    def getitem(self, obj: Any, argument: Any) -> Any:
        return _refuse() if isinstance(obj, Opaque) or isinstance(argument, Opaque) else super().getitem(obj, argument)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        made = super().call(context, obj, *args, **kwargs)
        return Opaque(_parts(made)) if isinstance(made, str) and "\ufdd2" in made else made  # what a macro has put out

    def _now(self, form: str) -> str:
        self._times[form] = now(form)
        return self._times[form]


def now(form: str) -> str:
    return datetime.now().strftime(form)  # noqa: DTZ005 - local time, as transformers gives it to templates


class _Joining(NodeTransformer):
    """`a ~ b` makes strings of both; here by a function that knows opaque ones."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's name for it
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "concatenated", [], [], None, None).set_lineno(node.lineno)


def _concatenated(values: Sequence[object]) -> Opaque | str:
    if not any(isinstance(value, Opaque) for value in values):
        return "".join(map(str, values))
    return Opaque(part for value in values for part in _parts(value if isinstance(value, Opaque) else str(value)))


def _put_out(value: Any) -> Any:
    if not isinstance(value, Opaque):
        return value
    return "".join(part if isinstance(part, str) else f"\ufdd2{part[0]}{SIDES[part[1:]]}\ufdd3" for part in value.parts)


def _parts(value: object) -> Sequence[Part]:
    if isinstance(value, Opaque):
        return value.parts
    if not isinstance(value, str):
        _refuse()
    found = SLOT.split(value)
    read: list[Part] = [(int(place), side in "LB", side in "RB") for place, side in zip(found[1::3], found[2::3], strict=True)]
    return [part for pair in zip(found[::3], [*read, ""], strict=True) for part in pair if part != ""]


def _stripped(parts: Sequence[Part], *, left: bool) -> list[Part]:
    """Without white space at the side that comes first here; no content is blank, so stripping ends there at the latest."""
    for place, part in enumerate(parts):
        if not isinstance(part, str):
            number, on_left, on_right = part
            return [(number, on_left or left, on_right or not left), *parts[place + 1 :]]
        if rest := part.lstrip() if left else part.rstrip():
            return [rest, *parts[place + 1 :]]
    return []


def _filter(name: str, found: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(found)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if name in ("default", "d") or not _has_opaque(args, kwargs):
            return found(*args, **kwargs)
        if name == "trim" and len(args) == 1 and not kwargs:
            return args[0].strip()
        return args[0] if name == "string" and len(args) == 1 else _refuse()

    return watched


def _test(name: str, found: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(found)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if not _has_opaque(args, kwargs):
            return found(*args, **kwargs)
        return name in TRUE if name in TRUE | FALSE and len(args) == 1 else _refuse()

    return watched


def _has_opaque(args: Sequence[object], kwargs: dict[str, object]) -> bool:
    return any(isinstance(value, Opaque) for value in (*args, *kwargs.values()))


def _refuse() -> NoReturn:
    raise OpaqueError
