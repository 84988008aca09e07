"""A large file in a real browser: it goes in parts, a cut costs nothing, and choosing it again goes on from where it stands."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from runs import wiring
from runs.data.validation import Report
from runs.models import DataSet, User
from tests.browser.conftest import Open
from tests.oddities.odd import chats

MEGABYTES = 20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.jsonl"
    line = json.dumps(chats(1)[0])
    with path.open("w") as file:
        for number in range(MEGABYTES * 1_000_000 // len(line)):
            file.write(line.replace("What", f"What {number:06}") + "\n")
    return path


def at_data(browse: Open, user: User) -> Page:
    page = browse(user)
    page.goto("/data/")
    return page


def choose(page: Page, file: Path) -> None:
    page.set_input_files("#id_file", file)
    page.get_by_role("button", name="Check and add").click()


def test_a_cut_on_the_way_costs_one_part(browse: Open, owner: User, large: Path, complaints: list[str]) -> None:
    page, cuts = at_data(browse, owner), list[str]()

    def cut_once(route: Route) -> None:
        if route.request.method == "PATCH" and "offset=8388608" in route.request.url and not cuts:
            cuts.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/uploads/**", cut_once)
    choose(page, large)
    expect(page.get_by_role("heading", level=1)).to_contain_text("large", timeout=60_000)
    assert cuts
    dataset = DataSet.objects.get()
    assert (dataset.owner, dataset.source) == (owner, "large.jsonl")
    assert dataset.rows == large.read_bytes().count(b"\n")
    complaints.clear()  # of the request that we have cut


def test_choosing_the_file_again_goes_on_from_where_it_stood(
    browse: Open, owner: User, large: Path, complaints: list[str]
) -> None:
    page, sent = at_data(browse, owner), list[str]()

    def note(route: Route) -> None:
        if route.request.method == "PATCH":
            sent.append(route.request.url.rpartition("=")[2])
        route.continue_()

    page.route("**/api/v1/uploads/**", lambda route: route.abort() if "offset=16" in route.request.url else route.continue_())
    choose(page, large)
    expect(page.locator("[data-state]")).to_contain_text("Sending 16.8 MB", timeout=60_000)
    page.reload()
    page.unroute("**/api/v1/uploads/**")
    page.route("**/api/v1/uploads/**", note)
    assert not DataSet.objects.exists()
    choose(page, large)
    expect(page.get_by_role("heading", level=1)).to_contain_text("large", timeout=60_000)
    assert sent == ["16777216"]
    complaints.clear()  # of the requests that we have cut


def test_a_folder_of_texts_is_chosen_and_many_files_go_in_parts_as_one(browse: Open, owner: User, tmp_path: Path) -> None:
    for name in ("one", "deep/two"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).with_suffix(".txt").write_text(f"This is text {name}.\n")
    page = at_data(browse, owner)
    expect(page.locator("#id_folder")).to_be_hidden()
    page.select_option("#id_task_type", "CONTINUED_PRETRAIN")
    page.set_input_files("#id_folder", tmp_path)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("texts", timeout=60_000)
    assert (DataSet.objects.get().rows, DataSet.objects.get().source) == (2, "2 files")
    for number in range(501):
        (tmp_path / f"ärger-{number}.txt").write_text(f"This is text number {number}.\n")
    (tmp_path / "picture.png").write_bytes(b"no text")
    page.goto("/data/")
    page.select_option("#id_task_type", "CONTINUED_PRETRAIN")
    page.set_input_files("#id_folder", tmp_path)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(tmp_path.name[:20], timeout=60_000)
    made = DataSet.objects.latest("pk")
    assert (made.source, made.rows) == (f"{tmp_path.name}.zip", 503)
    assert [found.file for found in Report.model_validate(made.report).problems] == ["picture.png"]
    rows = [json.loads(line)["text"] for line in wiring.dataset_file(made.digest).open()]
    assert rows[0].startswith("This is text deep/two")
    assert rows[-1] == (tmp_path / "ärger-99.txt").read_text()
