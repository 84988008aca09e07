"""What a chat template does with contents, whatever they say: it is run once with contents that cannot be looked into.

Where it tries to, nothing is known. What comes through holds for all contents of these roles that are not blank.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from threading import Lock
from typing import Any, cast

from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from runs.data.opaque import SLOT, Opaque, concatenated, parts, put_out, refuse
from runs.data.passing import WAYS, Passed, now

STRIPPING = frozenset({"strip", "lstrip", "rstrip"})
TRUE = frozenset({"defined", "string", "iterable", "sequence"})  # tests that hold for every text
FALSE = frozenset({"undefined", "none", "mapping", "boolean", "number", "integer", "float"})
UNSEEN = (nodes.AssignBlock, nodes.FilterBlock, nodes.EvalContextModifier)  # these make new text of what is put out


class Watching(ImmutableSandboxedEnvironment):
    """The environment in which one template meets opaque contents."""

    def watch(self, source: str) -> "Watching":
        """With filters and tests as they are now, and this template. Raises jinja2.TemplateError."""
        self.finalize = put_out
        self.filters = {name: _filter(name, found) for name, found in self.filters.items()} | {"concatenated": concatenated}
        self.tests = {name: _test(name, cast("Callable[..., Any]", found)) for name, found in self.tests.items()}
        self._times: dict[str, str] = {}
        self.filters["random"] = self.globals["lipsum"] = lambda *_, **__: refuse()
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
        found = SLOT.split(text)
        return Passed(tuple(found[::3]), tuple(map(int, found[1::3])), tuple(WAYS[side] for side in found[2::3]), times)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if not isinstance(obj, Opaque):
            return super().getattr(obj, attribute)
        return getattr(obj, attribute) if attribute in STRIPPING else refuse()

    def getitem(self, obj: Any, argument: Any) -> Any:
        return refuse() if isinstance(obj, Opaque) or isinstance(argument, Opaque) else super().getitem(obj, argument)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        made = super().call(context, obj, *args, **kwargs)
        return Opaque(parts(made)) if isinstance(made, str) and "\ufdd2" in made else made  # what a macro has put out

    def _now(self, form: str) -> str:
        self._times[form] = now(form)
        return self._times[form]


class _Joining(NodeTransformer):
    """`a ~ b` makes strings of both; here by a function that knows opaque ones."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's name for it
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "concatenated", [], [], None, None).set_lineno(node.lineno)


def _filter(name: str, found: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(found)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if name in ("default", "d") or not _has_opaque(args, kwargs):
            return found(*args, **kwargs)
        if name == "trim" and len(args) == 1 and not kwargs:
            return args[0].strip()
        return args[0] if name == "string" and len(args) == 1 else refuse()

    return watched


def _test(name: str, found: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(found)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if not _has_opaque(args, kwargs):
            return found(*args, **kwargs)
        return name in TRUE if name in TRUE | FALSE and len(args) == 1 else refuse()

    return watched


def _has_opaque(args: Sequence[object], kwargs: dict[str, object]) -> bool:
    return any(isinstance(value, Opaque) for value in (*args, *kwargs.values()))
