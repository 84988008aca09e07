"""The dashboard in a browser: live rows, keys, filters, and what it is without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from runs.contract.events import Phase
from runs.models import BaseModel, DataSet, Run, RunStatus, User
from runs.services import timeline
from tests import scenes

Open = Callable[..., Page]
Make = Callable[..., Run]


@pytest.fixture
def make(owner: User, base_model: BaseModel, dataset: DataSet) -> Make:
    def made(name: str, status: RunStatus, **fields: object) -> Run:
        return scenes.make_run(name=name, owner=owner, base_model=base_model, dataset=dataset, status=status, **fields)

    return made


@pytest.fixture
def runs(make: Make) -> list[Run]:
    running = make("alpha", RunStatus.RUNNING, phase=Phase.TRAINING)
    scenes.train_points(running, range(1, 21), of=40)
    return [running, make("beta", RunStatus.COMPLETED), make("gamma", RunStatus.FAILED, details="The disk is full.")]


def test_a_row_follows_its_run_and_a_new_run_joins_the_list(browse: Open, owner: User, runs: list[Run], make: Make) -> None:
    page = browse(owner)
    page.goto("/")
    row = page.locator(f"#run-{runs[0].pk}")
    expect(row).to_contain_text("50%")
    page.wait_for_timeout(1_000)  # the stream is open
    scenes.train_points(runs[0], range(21, 31), of=40)
    timeline.tell(runs[0])
    expect(row).to_contain_text("75%")
    timeline.tell(make("delta", RunStatus.QUEUED))
    expect(page.locator("#list")).to_contain_text("delta")
    expect(page.locator("[data-counter=queued] b")).to_have_text("1")
    expect(page.locator("#queue")).to_contain_text("1 queued")


def test_keys_walk_the_rows_open_one_search_and_help(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner)
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)  # until it is closed, keys are its own
    page.keyboard.press("/")
    expect(page.get_by_label("Search runs")).to_be_focused()
    page.keyboard.type("njk?")
    expect(page.get_by_label("Search runs")).to_have_value("njk?")  # keys are letters where one types
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="gamma")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/gamma/")


def test_n_begins_a_new_run(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner)
    page.goto("/")
    page.keyboard.press("n")
    page.wait_for_url("**/runs/new/**")


def test_a_filter_applies_when_it_is_chosen_and_stands_in_the_address(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner)
    page.goto("/")
    page.get_by_role("link", name="Failed 1").click()
    page.wait_for_url("**/?status=failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Model", exact=True).select_option("test/tiny-chat")
    page.wait_for_url("**/?status=failed&model=test%2Ftiny-chat")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_whole_row_is_a_link(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner)
    page.goto("/")
    page.locator(f"#run-{runs[1].pk} td").nth(6).click()
    page.wait_for_url("**/runs/beta/")


def test_without_scripts_it_lists_searches_and_opens(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner, java_script_enabled=False)
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Search runs").fill("disk")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="gamma").click()
    expect(page.get_by_role("alert")).to_contain_text("The disk is full.")


def test_on_a_phone_the_rail_is_a_drawer_and_nothing_sticks_out(browse: Open, owner: User, runs: list[Run]) -> None:
    page = browse(owner, viewport={"width": 390, "height": 844})
    for path in ("/", "/runs/alpha/", "/runs/alpha/specification/", "/runs/gamma/log/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
