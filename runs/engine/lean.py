"""Keeps torch and transformers from importing what training does not use: half of the start-up time of every run.

What a package finds installed it imports, for parts that the engine never calls. Measured in CPU seconds, with MLflow's
environment: torch's compiler with sympy 1.7, torch.distributed 0.6, scipy 0.9, accelerate 0.3, of 5.6 in all; 3.0 are left.
"""

import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

UNUSED = ("scipy", "sklearn", "pandas", "accelerate", "PIL", "torchvision")
COMPILER = "torch._dynamo"


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within it, packages of UNUSED seem not to be installed, unless they are imported already."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def single_process() -> Iterator[None]:
    """Within it, transformers takes torch for a build without torch.distributed, which one process needs nothing of."""
    import torch

    available, torch.distributed.is_available = torch.distributed.is_available, lambda: False
    try:
        yield
    finally:
        torch.distributed.is_available = available


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Within it, nobody looks for garbage, and what it leaves is never looked at again.

    Libraries make a million objects that live as long as the process. Looking through them takes 0.3 s of the beginning, and
    0.5 s of the end, when Python lets go of all of them one by one.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def postpone_compiler() -> None:
    """Put a stand-in where torch keeps its compiler, which eager training only ever asks not to compile.

    Whoever asks it for anything else gets the real one, from then on. For a process that is the engine's own: call it first.
    """
    if COMPILER in sys.modules:
        return
    import torch

    compiler = _Compiler(COMPILER)
    compiler.__path__ = [os.path.join(os.path.dirname(torch.__file__), "_dynamo")]  # its submodules can be imported as ever
    sys.modules[COMPILER] = torch._dynamo = compiler
    torch.compiler.disable = _Compiler.disable


class _Compiler(ModuleType):
    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Callable[..., Any]:
        """A decorator, with or without arguments."""
        return fn if fn is not None else _as_it_is

    @staticmethod
    def graph_break(*_: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name in ("assume_constant_result", "allow_in_graph"):
            return _as_it_is
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real_compiler(), name)


def _as_it_is(fn: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
    return fn


def _real_compiler() -> ModuleType:
    import torch

    if isinstance(sys.modules[COMPILER], _Compiler):
        del sys.modules[COMPILER]
        torch._dynamo = importlib.import_module(COMPILER)
    return sys.modules[COMPILER]
