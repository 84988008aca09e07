"""How the demo looks in a terminal: headings, one progress bar, two tables. It knows what to draw, not where it comes from."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from runs.data.scoring import Score


class Screen:
    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]")

    def bar(self) -> "Bar":
        return Bar(self.console)

    def answers(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Prompt, expected, base and tuned answer of a few held-out rows."""
        table = Table(title="The same held-out messages, before and after", show_lines=True)
        for heading in ("message", "expected", "base model", "tuned model"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(_short(cell) for cell in row))
        self.console.print(table)

    def scores(self, rows: int, base: Score, tuned: Score) -> None:
        table = Table(title=f"Score over {rows} held-out rows")
        for heading in ("", "valid JSON", "fields right", "whole record right"):
            table.add_column(heading)
        for name, score in (("base model", base), ("tuned model", tuned)):
            table.add_row(name, f"{score.valid:.0%}", f"{score.field_accuracy:.0%}", f"{score.exact:.0%}")
        self.console.print(table)


class Bar:
    """The run as one line: phase, epoch and batch, loss, tokens a second, time left."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description:<42}"),
            BarColumn(24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=console)
        self.task: TaskID | None = None

    def __enter__(self) -> "Bar":
        self.progress.start()
        self.task = self.progress.add_task("waiting", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, run: dict[str, Any]) -> None:
        assert self.task is not None
        self.progress.update(self.task, description=describe(run), completed=share(run))


def share(run: dict[str, Any]) -> float:
    """0 to 1 over the whole run, by optimizer steps."""
    return min(1.0, run["step"] / run["total_steps"]) if run.get("total_steps") else 0.0


def describe(run: dict[str, Any]) -> str:
    """What the run does now, in a few words."""
    if run["status"] == "RUNNING" and run["phase"] == "training" and run["step"]:
        words = [f"batch {run['step']}/{run['total_steps']}", f"loss {run['last_loss']:.3f}"]
        if run.get("tokens_per_second"):
            words.append(f"{run['tokens_per_second']:.0f} tok/s")
        if run.get("estimated_end_at"):
            words.append(f"ends {run['estimated_end_at'][11:19]}")
        return " · ".join(words)
    counted = run.get("progress") or {}
    if run["status"] in ("STARTING", "RUNNING") and counted.get("total") and run["phase"] != "registering":
        return f"{counted['doing']}: {counted['done']:,} of {counted['total']:,} {counted['unit']}"
    return f"{run['status'].lower()} · {run['phase']}"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:159] + "…"
