"""The run page while a run trains: points arrive by themselves, and what the reader set stays as it is."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from runs.contract.events import EventType, Phase
from runs.models import BaseModel, DataSet, Run, RunStatus, User
from runs.services import timeline
from tests import scenes
from tests.browser.conftest import until

Open = Callable[..., Page]
X_OF_LAST = "document.getElementById('chart-loss').data[0].x.at(-1)"
RANGE = "document.getElementById('chart-loss')._fullLayout.xaxis.range.slice()"


@pytest.fixture
def training(owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    run = scenes.make_run(
        name="chat-live",
        owner=owner,
        base_model=base_model,
        dataset=dataset,
        status=RunStatus.RUNNING,
        phase=Phase.TRAINING,
        request={"eval_prompts": ["a", "b"]},
    )
    scenes.train_points(run, range(1, 101), of=200)
    scenes.evaluate(run, 0, 3.0)
    scenes.events(run, EventType.CREATED, EventType.STARTED)
    return run


def drawn(page: Page, path: str) -> Page:
    page.goto(path)
    until(page, "document.getElementById('chart-loss')?.data?.[0].x.length > 0")
    return page


def says(run: Run, *steps: int) -> None:
    scenes.train_points(run, steps, of=200)
    timeline.tell(run)


def test_a_new_point_appears_within_a_second_and_the_zoom_stays(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    page.evaluate("window.loadedOnce = true")
    page.evaluate("Plotly.relayout('chart-loss', {'xaxis.range': [40, 90]})")
    time.sleep(1)  # the stream is open and rests
    said = time.monotonic()
    says(training, 101)
    until(page, f"{X_OF_LAST} === 101")
    assert time.monotonic() - said < 1.0
    assert page.evaluate(RANGE) == [40, 90]
    assert page.evaluate("window.loadedOnce"), "without a reload"


def test_zooming_with_the_mouse_survives_new_points(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    box = page.locator("#chart-loss .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=8)
    page.mouse.up()
    until(page, f"{RANGE}[1] < 80")
    zoomed = page.evaluate(RANGE)
    says(training, 101, 102)
    until(page, f"{X_OF_LAST} === 102")
    assert page.evaluate(RANGE) == zoomed


def test_head_events_and_answers_follow_without_a_reload(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    expect(page.locator("#state")).to_contain_text("epoch 1/2 · batch 100/100")
    says(training, 101)
    scenes.evaluate(training, 100, 0.75)
    timeline.tell(training)
    expect(page.locator("#state")).to_contain_text("epoch 2/2 · batch 1/100")
    expect(page.locator("#panel")).to_contain_text("CHECKPOINT_SAVED")
    expect(page.locator("#answers")).to_contain_text("This run, step 100")
    until(page, "document.getElementById('chart-loss').data[2].x.at(-1) === 100")


def test_the_end_is_told_in_the_page_and_in_its_title(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    training.move_to(RunStatus.COMPLETED)
    training.save()
    timeline.tell(training)
    expect(page.locator("#state [role=status]")).to_have_text("Completed")
    expect(page).to_have_title("Completed · chat-live · Finetuning UI")
    expect(page.get_by_role("link", name="Stop run")).to_have_count(0)


def test_what_the_reader_sets_stands_in_the_address_and_opens_again(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    page.get_by_label("Over", exact=True).select_option("tokens")
    page.get_by_label("log").check()
    page.locator("#view-smooth").fill("0.9")
    until(page, "location.search === '?x=tokens&smooth=0.9&log=1'")
    again = drawn(browse(owner), page.url)
    layout = again.evaluate("document.getElementById('chart-loss').layout")
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["type"]) == ("Tokens", "log")
    assert again.locator("#view-smooth").input_value() == "0.9"


def test_smoothing_changes_the_smoothed_line_alone(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    values = "(n) => document.getElementById('chart-loss').data[n].y.slice()"
    raw, before = page.evaluate(values, 0), page.evaluate(values, 1)
    page.locator("#view-smooth").fill("0")
    until(page, "(([a, b]) => a.y.every((y, i) => Math.abs(y - b.y[i]) < 1e-9))(document.getElementById('chart-loss').data)")
    assert page.evaluate(values, 0) == raw != before
    assert before[0] == pytest.approx(raw[0]), "an average of one value is that value"


def test_stopping_asks_in_a_dialog_and_escape_keeps_training(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner), "/runs/chat-live/")
    page.get_by_role("link", name="Stop run").click()
    expect(page.get_by_role("dialog")).to_contain_text("keeps a checkpoint")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    training.refresh_from_db()
    assert training.status == RunStatus.RUNNING


def test_a_hundred_thousand_steps_open_fast_and_stay_fluid(browse: Open, owner: User, training: Run) -> None:
    scenes.train_points(training, range(101, 100_001), of=200_000)
    page = browse(owner)
    began = time.monotonic()
    drawn(page, "/runs/chat-live/")
    assert time.monotonic() - began < 6.0, "on a machine that does other things as well"
    assert page.evaluate("document.getElementById('chart-loss').data[0].x.length") <= 2_000
    longest = page.evaluate(
        """async () => {
          let longest = 0;
          const watch = (list) => list.getEntries().forEach((task) => { longest = Math.max(longest, task.duration); });
          new PerformanceObserver(watch).observe({ entryTypes: ["longtask"] });
          for (let step = 100001; step < 100011; step++) {
            const detail = [{ kind: "train", step, epoch: 1, tokens: step, minutes: 1, loss: 0.5 }];
            document.dispatchEvent(new CustomEvent("points", { detail }));
            await new Promise((done) => setTimeout(done, 200));
          }
          return longest;
        }"""
    )
    assert longest < 500, "milliseconds in which nothing else can happen on the page"


def test_without_scripts_everything_but_motion_is_there(browse: Open, owner: User, training: Run) -> None:
    page = browse(owner, java_script_enabled=False)
    page.goto("/runs/chat-live/")
    expect(page.locator("#chart-loss svg.picture path")).to_have_count(1)
    expect(page.locator("#loss-words")).to_contain_text("Training loss: from")
    page.get_by_role("link", name="Specification").click()
    expect(page.locator("#panel")).to_contain_text("Learning rate schedule")
    page.get_by_role("link", name="Data table").last.click()
    expect(page.locator("#panel tbody tr").first).to_be_visible()
    page.get_by_role("link", name="Stop run").click()
    expect(page.get_by_role("heading", name="Stop chat-live?")).to_be_visible()
    page.get_by_role("link", name="Go on training").click()
    expect(page.locator("#state")).to_contain_text("Running")


def test_another_theme_redraws_the_chart_in_its_colours(browse: Open, owner: User, training: Run) -> None:
    page = drawn(browse(owner, color_scheme="light"), "/runs/chat-live/")
    colour = "document.getElementById('chart-loss').data[1].line.color"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Light or dark").click()
    until(page, f"{colour} !== '{light}'")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
