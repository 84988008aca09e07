"""How fast the machine is, is timed once and kept; what cannot be read is timed again."""

import json
from pathlib import Path

import pytest

from runs.execution import calibration


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    calibration.product_flops.cache_clear()


def test_it_is_timed_once_and_kept_for_this_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "machine.json"
    timed = calibration.product_flops(kept)
    assert 1e9 < timed < 1e13
    assert json.loads(kept.read_text())["flops"] == timed
    monkeypatch.setattr(calibration, "_timed", lambda: pytest.fail("timed twice"))
    calibration.product_flops.cache_clear()
    assert calibration.product_flops(kept) == timed


@pytest.mark.parametrize("text", ["", "[]", '{"processor": "another", "flops": 1}', '{"flops": null}'])
def test_what_is_of_another_machine_or_broken_is_timed_again(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "machine.json"
    kept.write_text(text)
    monkeypatch.setattr(calibration, "_timed", lambda: 5e10)
    assert calibration.product_flops(kept) == 5e10
    assert json.loads(kept.read_text())["flops"] == 5e10


def test_where_it_cannot_be_timed_a_usual_speed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "TIMED", "raise SystemExit(1)")
    assert calibration._timed() == calibration.USUAL
