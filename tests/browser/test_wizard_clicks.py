"""The wizard in a real browser: with scripts and without, with a real file, with two clicks where one was meant."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from runs.models import BaseModel, DataSet, Draft, LicenceAcceptance, Run, User
from tests.browser.conftest import Open
from tests.offer import tiny_offer

ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Printer {number} is jammed."},
            {"role": "assistant", "content": '{"team": "hardware"}'},
        ]
    }
    for number in range(40)
]


@pytest.fixture
def model() -> BaseModel:
    return tiny_offer()


@pytest.fixture
def helpdesk(tmp_path: Path) -> Path:
    path = tmp_path / "helpdesk.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "this is line 41\n")
    return path


@pytest.fixture
def refusals(browse: Open, complaints: list[str]) -> Any:
    """Chromium writes every 422 on its console; nothing else may stand there."""
    yield
    complaints[:] = [said for said in complaints if "status of 422" not in said]


def choose_model(page: Page) -> None:
    page.set_default_timeout(10_000)
    page.goto("/runs/new/")
    page.get_by_label("I accept the").locator("visible=true").check()
    page.get_by_role("button", name="Next: data").click()
    page.wait_for_url("**/data/")


def choose_data(page: Page, path: Path) -> None:
    page.locator("input[name=train_data_path-file]").set_input_files(path)
    page.get_by_role("button", name="Check data").click()


def go_through(page: Page, path: Path) -> Run:
    """From the first page to the run's own, as a person clicks."""
    choose_model(page)
    choose_data(page, path)
    expect(page.get_by_text("The first rows as the model sees them")).to_be_visible()
    expect(page.locator(".tokens pre").first).to_contain_text("<|im_start|>assistant")
    expect(page.locator(".tok.trained").first).to_be_visible()
    page.get_by_role("button", name="Next: training").click()
    page.get_by_label("Training duration").fill("2ep")
    page.get_by_role("button", name="Next: review").click()
    page.get_by_label("Register to").fill("main.default.Tiny-helpdesk")
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile(r"/runs/chat-[^/]+/$"))
    return Run.objects.get()


def test_a_person_with_a_file_gets_a_run(browse: Open, owner: User, model: BaseModel, helpdesk: Path) -> None:
    page = browse(owner)
    run = go_through(page, helpdesk)
    assert run.name in page.url
    assert (run.owner, run.dataset.rows, run.register_to) == (owner, 40, "main.default.Tiny-helpdesk")
    assert run.asked.training_duration == "2ep"
    assert LicenceAcceptance.objects.get().user == owner


def test_the_same_without_scripts(browse: Open, owner: User, model: BaseModel, helpdesk: Path) -> None:
    run = go_through(browse(owner, java_script_enabled=False), helpdesk)
    assert run.dataset.rows == 40


def test_a_double_click_on_start_makes_one_run(browse: Open, owner: User, model: BaseModel, dataset: DataSet) -> None:
    page = browse(owner, java_script_enabled=False)  # so that no script holds the second click back
    choose_model(page)
    draft = Draft.objects.get()
    draft.values["train_data_path"] = dataset.name
    draft.save()
    page.goto(f"/runs/new/{draft.key}/review/")
    page.get_by_role("button", name="Start run").dblclick(no_wait_after=True)
    page.wait_for_url(re.compile(r"/runs/chat-[^/]+/$"))
    assert Run.objects.count() == 1


@pytest.mark.usefixtures("refusals")
def test_a_broken_file_shows_the_line_and_stays_chosen(browse: Open, owner: User, model: BaseModel, broken: Path) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, broken)
    expect(page.get_by_role("cell", name="41", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Line 41")
    assert page.locator("input[name=train_data_path-file]").evaluate("input => input.files[0].name") == "broken.jsonl"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the whole report").click()
    report = json.loads(download.value.path().read_text())
    assert [problem["line"] for group in report["groups"] for problem in group["problems"]] == [41]
    assert not DataSet.objects.exists()


@pytest.mark.usefixtures("refusals")
def test_a_mended_file_is_taken_after_a_refused_one(
    browse: Open, owner: User, model: BaseModel, broken: Path, helpdesk: Path
) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, broken)
    expect(page.get_by_role("alert")).to_be_visible()
    choose_data(page, helpdesk)
    expect(page.get_by_text("check passed")).to_be_visible()


@pytest.mark.usefixtures("refusals")
def test_a_broken_file_without_scripts_says_the_same(browse: Open, owner: User, model: BaseModel, broken: Path) -> None:
    page = browse(owner, java_script_enabled=False)
    choose_model(page)
    choose_data(page, broken)
    expect(page.get_by_role("cell", name="41", exact=True)).to_be_visible()


def test_going_back_and_forth_keeps_what_was_typed(browse: Open, owner: User, model: BaseModel, helpdesk: Path) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, helpdesk)
    page.get_by_role("button", name="Next: training").click()
    page.get_by_label("Training duration").fill("banana")
    page.get_by_label("Prompt 1").fill("Who mends printers?")
    page.get_by_role("button", name="Back").click()
    page.wait_for_url("**/data/")
    expect(page.get_by_text("from helpdesk.jsonl")).to_be_visible()
    page.get_by_role("button", name="Next: training").click()
    expect(page.get_by_label("Training duration")).to_have_value("banana")
    expect(page.get_by_label("Prompt 1")).to_have_value("Who mends printers?")


@pytest.mark.usefixtures("refusals")
def test_the_cursor_stands_in_the_first_field_that_is_wrong(
    browse: Open, owner: User, model: BaseModel, helpdesk: Path
) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, helpdesk)
    page.get_by_role("button", name="Next: training").click()
    page.get_by_label("Learning rate", exact=True).fill("-1")
    page.keyboard.press("Enter")
    expect(page.locator("#id_learning_rate_error")).to_have_text("This must be more than 0.")
    expect(page.get_by_label("Learning rate", exact=True)).to_be_focused()


def test_the_summary_follows_the_typing(browse: Open, owner: User, model: BaseModel, helpdesk: Path) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, helpdesk)
    page.get_by_role("button", name="Next: training").click()
    page.get_by_label("Training duration").fill("7ep")
    expect(page.locator("#summary")).to_contain_text("7 epochs")


def test_the_summary_follows_what_was_typed_before_the_script_came(
    browse: Open, owner: User, model: BaseModel, helpdesk: Path
) -> None:
    page = browse(owner)
    choose_model(page)
    choose_data(page, helpdesk)
    held: list[Route] = []
    page.route("**/wizard*.js", lambda route: held.append(route))
    page.get_by_role("button", name="Next: training").click(no_wait_after=True)
    page.get_by_label("Training duration").fill("7ep")
    assert held
    for route in held:
        route.continue_()
    expect(page.locator("#summary")).to_contain_text("7 epochs")


def test_search_narrows_and_the_licence_unfolds_with_the_choice(browse: Open, owner: User, model: BaseModel) -> None:
    tiny_offer("other/Giant", display_name="Giant")
    page = browse(owner)
    page.set_default_timeout(10_000)
    page.goto("/runs/new/")
    page.get_by_placeholder("Search 2 models").fill("giant")
    expect(page.get_by_label("Tiny Instruct")).to_be_hidden()
    expect(page.get_by_text("I accept the Tiny Community License").first).to_be_hidden()
    page.get_by_label("Giant").check()
    expect(page.get_by_label("I accept the").locator("visible=true")).to_have_count(1)


def test_enter_means_next_and_never_one_of_the_small_buttons(
    browse: Open, owner: User, model: BaseModel, dataset: DataSet
) -> None:
    page = browse(owner)
    choose_model(page)
    draft = Draft.objects.get()
    draft.values["train_data_path"] = dataset.name
    draft.save()
    page.goto(f"/runs/new/{draft.key}/review/")
    page.get_by_label("Register to").fill("main.mine")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Register to")).to_have_value("main.mine")
    assert not Run.objects.exists()


def test_one_drops_a_file_onto_the_page(browse: Open, owner: User, model: BaseModel) -> None:
    page = browse(owner)
    choose_model(page)
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    transfer = page.evaluate_handle(
        "text => { const bag = new DataTransfer(); bag.items.add(new File([text], 'dropped.jsonl')); return bag; }", text
    )
    page.locator("[data-drop]").first.dispatch_event("drop", {"dataTransfer": transfer})
    page.get_by_role("button", name="Check data").click()
    expect(page.get_by_text("from dropped.jsonl")).to_be_visible()


def test_a_telephone_shows_every_step_without_sideways_scrolling(
    browse: Open, owner: User, model: BaseModel, dataset: DataSet
) -> None:
    page = browse(owner, viewport={"width": 390, "height": 844})
    choose_model(page)
    draft = Draft.objects.get()
    draft.values["train_data_path"] = dataset.name
    draft.save()
    places = [f"/runs/new/{draft.key}/{step}/" for step in ("model", "data", "training", "review")]
    for place in [*places, "/data/", f"/data/{dataset.name}/", "/base-models/", "/registered-models/", "/account/", "/help/"]:
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
