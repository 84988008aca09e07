"""Figures are data: what a chart draws, over what, and how it is told to those who do not see it."""

import math

import pytest

from runs.web import charts
from runs.web.charts import View


def test_the_loss_shows_each_step_faintly_beneath_a_smoothed_line_and_the_evaluations() -> None:
    raw, smoothed, evaluation = charts.loss(View())["data"]
    assert raw["meta"] == {"kind": "train", "value": "loss", "color": "train", "smooth": False}
    assert raw["opacity"] < 0.5 < smoothed["opacity"]
    assert smoothed["meta"]["smooth"]
    assert evaluation["meta"]["kind"] == "eval"
    assert "markers" in evaluation["mode"], "evaluations are few: a line alone would invent what lies between"


def test_the_same_series_has_the_same_colour_in_every_figure() -> None:
    colours = {
        trace["meta"]["color"]
        for figure in charts.figures(View()).values()
        for trace in figure["data"]
        if trace["meta"]["kind"] == "train"
    }
    assert colours == {"train"}


def test_every_value_has_a_figure_of_its_own() -> None:
    assert list(charts.figures(View())) == ["loss", "learning_rate", "gradient_norm", "tokens_per_second", "memory_bytes"]


def test_axes_carry_their_unit() -> None:
    layout = charts.loss(View(x="minutes"))["layout"]
    assert layout["xaxis"]["title"]["text"] == "Minutes since the start"
    assert layout["yaxis"]["title"]["text"] == "Loss (nats per token)"


def test_a_figure_holds_no_numbers_because_the_page_gets_them_once_for_all_figures() -> None:
    for figure in charts.figures(View()).values():
        for trace in figure["data"]:
            assert not {"x", "y"} & trace.keys()


@pytest.mark.parametrize(
    ("query", "view"),
    [
        ({}, View("step", 0.6, False)),
        ({"x": "tokens", "smooth": "0.9", "log": "1"}, View("tokens", 0.9, True)),
        ({"x": "banana", "smooth": "banana", "log": "banana"}, View("step", 0.6, False)),
        ({"smooth": "7"}, View("step", 0.99, False)),
        ({"smooth": "-1"}, View("step", 0.0, False)),
        ({"smooth": "nan"}, View("step", 0.6, False)),
        ({"smooth": "inf"}, View("step", 0.6, False)),
    ],
)
def test_a_view_is_read_from_an_address_and_nonsense_opens_the_usual_one(query: dict[str, str], view: View) -> None:
    assert View.read(query) == view


def test_a_log_axis_is_asked_for_in_the_address() -> None:
    assert charts.loss(View(log=True))["layout"]["yaxis"]["type"] == "log"
    assert charts.loss(View())["layout"]["yaxis"]["type"] == "linear"


def test_a_path_fills_its_box_with_the_highest_value_on_top() -> None:
    assert charts.path([0, 1, 2], [1.0, 3.0, 2.0], 100, 50, pad=0) == "M0.0 50.0L50.0 0.0L100.0 25.0"


def test_a_path_is_broken_where_a_value_is_missing() -> None:
    drawn = charts.path([0, 1, 2, 3], [1.0, None, 2.0, 3.0], 90, 40, pad=0)
    assert drawn.count("M") == 2


def test_a_flat_curve_is_a_line_and_no_division_by_zero() -> None:
    assert charts.path([1, 2], [0.5, 0.5], 10, 10, pad=0) == "M0.0 0.0L10.0 0.0"


@pytest.mark.parametrize("values", [[], [1.0], [None, None], [None, 2.0]])
def test_below_two_points_there_is_no_curve(values: list[float | None]) -> None:
    assert charts.path(list(range(len(values))), values, 10, 10) == ""


def test_a_curve_is_told_in_words_with_start_end_and_best() -> None:
    told = charts.in_words("Training loss", [1, 500, 1000], [3.0, 0.25, 0.5])
    assert told == "Training loss: from 3 at step 1 to 0.5 at step 1,000; lowest 0.25 at step 500."


def test_one_point_is_told_as_one_and_none_is_not_told() -> None:
    assert charts.in_words("Loss", [7], [1.25]) == "Loss: 1.25 at step 7."
    assert charts.in_words("Loss", [7], [None]) == ""


def test_all_coordinates_are_finite_numbers() -> None:
    drawn = charts.path([1, 2, 3], [1e300, -1e300, 0.0], 72, 20)
    assert all(math.isfinite(float(part)) for part in drawn.replace("M", " ").replace("L", " ").split())
