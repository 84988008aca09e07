"""A real Chromium against a real server process; every test also watches the console."""

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from runs.models import User
from tests.app.conftest import (  # noqa: F401  the people and things of the stories
    accepted,
    admin,
    asked,
    base_model,
    colleague,
    dataset,
    licence,
    owner,
    research,
    stranger,
    submit,
    viewer,
)
from tests.serving import Web

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
expect.set_options(timeout=20_000)  # milliseconds: a machine with other work is slow, and that is no fault of a page


@pytest.fixture(autouse=True)
def _committed(chromium: Browser, transactional_db: None) -> None:
    """The server must see what a test writes."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For a module only: while it stands, an event loop stands in this thread, which other tests could not bear."""
    assert CHROMIUM, "Chromium is missing: apt install chromium"
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the loop is Playwright's own; the database is used between its turns
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Errors and warnings of the console, those of the security policy among them. At its end a test fails over any."""
    return []


Open = Callable[..., Page]


def until(page: Page, expression: str, seconds: float = 10) -> None:
    """Wait until this is true in the page. Playwright's own waiting evaluates text there, which the security policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(f"() => Boolean({expression})"):
        assert time.monotonic() < deadline, f"not true in {seconds} s: {expression}"
        time.sleep(0.02)


@pytest.fixture
def browse(chromium: Browser, web: Web, complaints: list[str], request: pytest.FixtureRequest) -> Iterator[Open]:
    """`browse(owner)` is a page of a browser in which this person is logged in; keywords are those of a browser context."""
    contexts: list[BrowserContext] = []

    def opened(user: User | None, **options: Any) -> Page:
        context = chromium.new_context(base_url=web.url, **{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        if user is not None:
            name, value = web.cookie(user)
            context.add_cookies([{"name": name, "value": value, "url": web.url}])
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
