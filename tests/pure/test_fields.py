"""Form fields come from the contract: all of them, with bounds, units and choices as it says."""

import pytest

from runs.contract.request import RunRequest
from runs.data.advice import epochs
from runs.web.advice import on_duration
from runs.web.fields import ELSEWHERE, Kind, as_text, settings, training_settings


def test_every_field_of_a_request_is_a_setting_with_title_and_help() -> None:
    assert set(settings()) == set(RunRequest.model_fields)
    assert all(setting.title and setting.help for setting in settings().values())


def test_every_setting_is_asked_for_in_exactly_one_place_but_a_choice_of_one() -> None:
    asked = {setting.name for setting in training_settings()}
    assert asked | ELSEWHERE == {name for name, setting in settings().items() if setting.has_choice}
    assert not asked & ELSEWHERE


def test_plain_settings_come_before_advanced_ones() -> None:
    advanced = [setting.advanced for setting in training_settings()]
    assert advanced == sorted(advanced)
    assert not advanced[0]


@pytest.mark.parametrize(
    ("name", "kind", "bounds", "default"),
    [
        ("learning_rate", Kind.NUMBER, "more than 0, at most 1", ""),
        ("batch_size", Kind.WHOLE, "1 to 65,536", "8"),
        ("optimizer", Kind.CHOICE, "", "adamw"),
        ("gradient_checkpointing", Kind.SWITCH, "", "off"),
        ("eval_prompts", Kind.LINES, "", ""),
        ("training_duration", Kind.TEXT, "", "1ep"),
    ],
)
def test_kind_bounds_and_default_are_read_from_the_schema(name: str, kind: Kind, bounds: str, default: str) -> None:
    setting = settings()[name]
    assert (setting.kind, setting.bounds, setting.default) == (kind, bounds, default)


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "on"), (False, "off"), (2e-5, "2e-05"), (8, "8"), ("1ep", "1ep")]
)
def test_values_are_written_as_one_types_them(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(("duration", "seen"), [("3ep", 3), ("30ba", 1), ("45ba", 1.5), ("1000tok", 1), ("100tok", 0.1)])
def test_durations_are_held_against_the_data(duration: str, seen: float) -> None:
    assert epochs(duration, tokens=1000, rows=240, batch_size=8) == seen


@pytest.mark.parametrize(
    ("seen", "good", "said"), [(1, True, "once"), (4, True, "4 times"), (5, False, "forgets"), (0.1, True, "10%")]
)
def test_one_to_four_epochs_are_advised(seen: float, good: bool, said: str) -> None:
    counsel = on_duration(seen)
    assert counsel.good is good
    assert said in counsel.text
