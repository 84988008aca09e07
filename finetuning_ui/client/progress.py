"""A bar that moves while one waits for a run: in a notebook as HTML, in a terminal on one line, elsewhere not at all."""

import sys
from html import escape
from types import TracebackType
from typing import Any, Protocol, Self

from finetuning_ui.client.run import TrainingRun

WIDTH = 30  # characters


class Bar(Protocol):
    def __enter__(self) -> "Bar": ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def show(self, run: TrainingRun) -> None: ...


class Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to tidy up."""

    def show(self, run: TrainingRun) -> None:
        """Nobody is looking."""


class Terminal(Silent):
    """One line of standard error, written over and over."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.write("\n")

    def show(self, run: TrainingRun) -> None:
        done = int(run.share_done * WIDTH)
        sys.stderr.write(f"\r\x1b[K{run.name}  {'█' * done}{'░' * (WIDTH - done)}  {words(run)}")
        sys.stderr.flush()


class Notebook(Silent):
    """One output cell, redrawn in its place."""

    def __init__(self, display: Any, html: Any) -> None:
        self._display, self._html, self._handle = display, html, None

    def show(self, run: TrainingRun) -> None:
        drawn = self._html(
            f"<b>{escape(run.name)}</b> <progress max='1' value='{run.share_done:.3f}'></progress> {escape(words(run))}"
        )
        if self._handle is None:
            self._handle = self._display(drawn, display_id=True)
        else:
            self._handle.update(drawn)


def words(run: TrainingRun) -> str:
    """`Running 42% · loss 0.412 · 3min left`."""
    parts = [f"{run.status.display_name} {run.share_done:.0%}"]
    if run.last_loss is not None:
        parts.append(f"loss {run.last_loss:.4g}")
    if run.formatted_eta:
        parts.append(f"{run.formatted_eta} left")
    return " · ".join(parts)


def bar() -> Bar:
    """The one that fits where this runs."""
    if _in_notebook():
        from IPython.display import HTML, display  # type: ignore[import-not-found]

        return Notebook(display, HTML)
    return Terminal() if sys.stderr.isatty() else Silent()


def _in_notebook() -> bool:
    """IPython is imported already where there is a notebook."""
    shell = sys.modules.get("IPython")
    current = shell.get_ipython() if shell else None
    return current is not None and type(current).__name__ == "ZMQInteractiveShell"
