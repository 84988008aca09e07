"""How busy this machine is, as the foot of every page says it."""

import threading
import time

import pytest

from runs.services import usage


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(usage, "_gpus", list)


def share() -> int:
    (text,) = usage.devices()
    assert text.startswith("CPU ")
    return int(text.removeprefix("CPU ").rstrip("%"))


def test_work_shows_whichever_thread_asks() -> None:
    share()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass  # a core at work for half a second
    found: list[int] = []
    asker = threading.Thread(target=lambda: found.append(share()))
    asker.start()
    asker.join()
    assert 0 < found[0] <= 100
