"""A script's surroundings: a live server, its address and a token in the environment, nothing of who runs the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from finetuning_ui.client import connection
from runs.models import User
from runs.services import access
from tests.app.conftest import (  # noqa: F401  fixtures
    _fresh_cache,
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
    viewer,
)
from tests.serving import Web


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home directory of the test's own, and no credentials anywhere."""
    for prefix in connection.PREFIXES:
        monkeypatch.delenv(f"{prefix}_HOST", raising=False)
        monkeypatch.delenv(f"{prefix}_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    connection._chosen.clear()


@pytest.fixture
def token(owner: User) -> str:  # noqa: F811
    return access.create_token(by=owner, name="script")[1]


@pytest.fixture
def server(web: Web, token: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the live server; the environment names it, and the owner's token."""
    monkeypatch.setenv("FTUI_HOST", web.url)
    monkeypatch.setenv("FTUI_TOKEN", token)
    return web.url
