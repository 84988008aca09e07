"""Everybody can use it: headings in order, labels, names, sizes of targets, and contrast computed from what is really drawn."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from runs.contract.events import EventType, Phase
from runs.models import BaseModel, DataSet, RunStatus, User
from runs.services import access
from tests import scenes

Open = Callable[..., Page]
PAGES = ["/", "/?status=failed", "/?q=nothing", "/runs/alpha/", "/runs/alpha/specification/", "/runs/alpha/checkpoints/"]
PAGES += ["/runs/gamma/", "/runs/alpha/cancel/", "/login/?next=/"]

AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")


def findings(page: Page, question: str) -> list[Any]:
    found: list[Any] = page.evaluate(f"({AUDIT}).{question}()")
    return found


@pytest.fixture(autouse=True)
def _runs(owner: User, base_model: BaseModel, dataset: DataSet) -> None:
    of: dict[str, Any] = {"owner": owner, "base_model": base_model, "dataset": dataset}
    prompts = {"eval_prompts": ["a", "b"]}
    alpha = scenes.make_run(name="alpha", status=RunStatus.RUNNING, phase=Phase.TRAINING, request=prompts, **of)
    scenes.train_points(alpha, range(1, 41), of=40)
    for step, loss in ((0, 3.0), (20, 1.0), (40, 0.7)):
        scenes.evaluate(alpha, step, loss)
    scenes.events(alpha, EventType.CREATED, EventType.STARTED)
    scenes.make_run(name="gamma", status=RunStatus.FAILED, details="The disk is full.", advice="Free 2 GB.", **of)
    scenes.make_run(name="beta", status=RunStatus.QUEUED, **of)
    scenes.make_run(name="delta", status=RunStatus.STOPPED, **of)
    scenes.make_run(name="epsilon", status=RunStatus.COMPLETED, **of)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browse: Open, owner: User, scheme: str) -> None:
    page = browse(owner, color_scheme=scheme)
    for path in PAGES:
        page.goto(path)
        assert findings(page, "faint") == [], path


def test_headings_are_in_order_and_there_is_one_title(browse: Open, owner: User) -> None:
    page = browse(owner)
    for path in PAGES:
        page.goto(path)
        levels = findings(page, "headings")
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)


def test_everything_that_acts_has_a_name_and_room_for_a_finger(browse: Open, owner: User) -> None:
    page = browse(owner)
    for path in PAGES:
        page.goto(path)
        assert findings(page, "unnamed") == [], path
        assert findings(page, "small") == [], path


def test_landmarks_and_language_are_there(browse: Open, owner: User) -> None:
    page = browse(owner)
    for path in PAGES[:-1]:
        page.goto(path)
        assert page.locator("main").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        assert findings(page, "doubled") == [], path


def test_the_first_tab_stop_skips_to_the_content(browse: Open, owner: User) -> None:
    page = browse(owner)
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"


def test_what_has_the_focus_shows_it(browse: Open, owner: User) -> None:
    page = browse(owner)
    page.goto("/")
    page.keyboard.press("j")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "2px"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_page_that_asks_shows_what_to_press_within_its_width(
    browse: Open, admin: User, base_model: BaseModel, dataset: DataSet, width: int
) -> None:
    page = browse(admin, viewport={"width": width, "height": 900})
    DataSet.objects.filter(pk=dataset.pk).update(name="in-use")  # there is no button on that one's page
    dataset.pk = None
    dataset.save()
    retire = f"/admin/runs/basemodel/retire/?model={base_model.pk}"
    token = access.create_token(by=admin, name="script")[0]
    asking = [retire, "/account/second-factor/", f"/data/{dataset.name}/delete/", f"/account/tokens/{token.pk}/revoke/"]
    for path in [*asking, "/account/"]:
        page.goto(path)
        pressed = page.locator("main :is(button.btn, a.btn.danger)")
        assert pressed.count(), path
        for number in range(pressed.count()):
            box = pressed.nth(number).bounding_box()
            assert box, (path, pressed.nth(number).inner_text())
            assert box["x"] + box["width"] <= width, (path, pressed.nth(number).inner_text())
