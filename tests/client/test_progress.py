"""The bar that moves while one waits, in the three places where a script may run."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from finetuning_ui.client import progress
from finetuning_ui.client.run import RunStatus, TrainingRun


def at(share: float, **more: Any) -> TrainingRun:
    return TrainingRun(
        name="chat-<x>", status=RunStatus.RUNNING, created_by="ada", model="m", train_data_path="d", register_to="a.b.c",
        task_type="CHAT_COMPLETION", created_at=datetime.now(UTC), share_done=share, **more,
    )  # fmt: skip


def test_a_terminal_has_one_line_that_is_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Terminal() as bar:
        bar.show(at(0.0))
        bar.show(at(0.5, last_loss=0.4123456))
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.count("\r") == 2
    assert f"{'█' * 15}{'░' * 15}  Running 50% · loss 0.4123" in written


def test_a_notebook_has_one_cell_that_is_redrawn() -> None:
    drawn: list[str] = []

    def display(html: str, display_id: bool) -> SimpleNamespace:
        drawn.append(html)
        return SimpleNamespace(update=drawn.append)

    with progress.Notebook(display, str) as bar:
        bar.show(at(0.25))
        bar.show(at(0.75))
    assert len(drawn) == 2
    assert "value='0.750'" in drawn[1]
    assert "chat-&lt;x&gt;" in drawn[1]


def test_elsewhere_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar() as bar:
        bar.show(at(0.5))
    assert isinstance(bar, progress.Silent)
    assert capsys.readouterr() == ("", "")


def test_a_notebook_is_known_by_its_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=print))  # type: ignore[arg-type]
    assert isinstance(progress.bar(), progress.Notebook)
